"""Apps, their secrets and the keys that verify their assertions."""
