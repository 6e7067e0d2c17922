"""Users: what an administrator does with them."""
