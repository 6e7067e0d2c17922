"""What a domain lets its users do with their identities."""
