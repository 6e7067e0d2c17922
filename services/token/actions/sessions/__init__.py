"""Sessions: seen and ended by an administrator."""
