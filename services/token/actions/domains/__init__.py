"""Domains. Who does not hold `token.domain` knows its own alone."""
