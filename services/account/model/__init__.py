"""What the account service knows, and the pure rules about it, a module a noun."""

from services.account.model.identities import MAX_IDENTITY_CHARS, TYPES, Identity, Link, normalise
from services.account.model.open_accounts import OpenAccount, mask_mobile

__all__ = ["MAX_IDENTITY_CHARS", "TYPES", "Identity", "Link", "OpenAccount", "mask_mobile", "normalise"]
