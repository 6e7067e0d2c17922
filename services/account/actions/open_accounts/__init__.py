"""Open accounts."""
