"""Projects and open accounts."""
