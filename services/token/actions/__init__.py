"""What the token service can do: one file a use case, named as its RPC.

`domains/`, `apps/`, `access_keys/` and `push_apps/` have what operators set up; in each, `known.py` finds what a call
is about.
`grants/` has the grants of Token, one file each; `phases/` what they share, written once so that no grant can skip it.
"""
