"""What the token service can do: one file a use case, named as its RPC.

`grants/` has the grants of Token, one file each; `phases/` what they share, written once so that no grant can skip it.
"""
