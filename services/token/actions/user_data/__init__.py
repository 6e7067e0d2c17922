"""Token's part of what account does with all that there is of a user."""
