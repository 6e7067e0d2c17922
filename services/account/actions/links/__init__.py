"""Links of identities to users."""
