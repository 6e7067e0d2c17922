"""Steps that several grants go through, in the order in which they do: client, admission, scopes, session, signing."""
