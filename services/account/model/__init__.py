"""What the account service knows, and the pure rules about it, a module a noun."""

from services.account.model.identities import MAX_IDENTITY_CHARS, TYPES, Identity, Link, normalise
from services.account.model.open_accounts import OpenAccount, mask_mobile
from services.account.model.user_data import OPEN_ACCOUNT, BoundAccount, KnownIdentity, Merged, Order, bound_accounts

__all__ = [
    "MAX_IDENTITY_CHARS",
    "OPEN_ACCOUNT",
    "TYPES",
    "BoundAccount",
    "Identity",
    "KnownIdentity",
    "Link",
    "Merged",
    "OpenAccount",
    "Order",
    "bound_accounts",
    "mask_mobile",
    "normalise",
]
