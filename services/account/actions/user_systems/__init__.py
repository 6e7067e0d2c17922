"""The user systems of a domain: set up by operators, gone by when people log on."""
