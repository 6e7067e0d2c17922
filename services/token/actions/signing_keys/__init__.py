"""The domain's own keys: how they are shown, and what an operator does with them."""
