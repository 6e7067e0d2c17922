"""What a person who is being proven, or was, can do."""
