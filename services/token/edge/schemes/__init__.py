"""Schemes by which a request proves who makes it: a module each."""
