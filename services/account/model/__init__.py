"""What the account service knows, and the pure rules about it, a module a noun."""

from services.account.model.identities import MAX_IDENTITY_CHARS, TYPES, Identity, Link, PlacedLink, normalise
from services.account.model.open_accounts import OpenAccount, mask_mobile
from services.account.model.users import NOBODY, UserEventKind, UserId, UserNews

__all__ = [
    "MAX_IDENTITY_CHARS",
    "NOBODY",
    "TYPES",
    "Identity",
    "Link",
    "OpenAccount",
    "PlacedLink",
    "UserEventKind",
    "UserId",
    "UserNews",
    "mask_mobile",
    "normalise",
]
