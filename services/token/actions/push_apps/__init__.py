"""Push apps."""
