"""What the account service can do: one file per use case, named as its RPC."""
