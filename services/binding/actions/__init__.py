"""What the binding service does: one file a use case, named as its RPC."""
