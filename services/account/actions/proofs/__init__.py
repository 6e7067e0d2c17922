"""What proves that an identity is a user's."""
