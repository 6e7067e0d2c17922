"""All that there is of a user: made another's, told, erased."""
