"""Messages to model and back, and the rules of the wire that proto/ cannot say: a module for each set of messages."""
