"""Projects and their identity providers."""
