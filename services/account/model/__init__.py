"""What the account service knows, and the pure rules about it, a module a noun."""

from services.account.model.identities import MAX_IDENTITY_CHARS, TYPES, Identity, Link, PlacedLink, normalise
from services.account.model.open_accounts import (
    ALGORITHMS,
    DISABLED,
    NORMAL,
    PROVIDER_NAME,
    OpenAccount,
    Project,
    Provider,
    mask_mobile,
)
from services.account.model.user_data import (
    OPEN_ACCOUNT,
    BoundAccount,
    KnownIdentity,
    LinkEvent,
    Merged,
    Order,
    PendingProof,
    bound_accounts,
)
from services.account.model.users import NOBODY, UserEventKind, UserId, UserNews

__all__ = [
    "ALGORITHMS",
    "DISABLED",
    "MAX_IDENTITY_CHARS",
    "NOBODY",
    "NORMAL",
    "OPEN_ACCOUNT",
    "PROVIDER_NAME",
    "TYPES",
    "BoundAccount",
    "Identity",
    "KnownIdentity",
    "Link",
    "LinkEvent",
    "Merged",
    "OpenAccount",
    "Order",
    "PendingProof",
    "PlacedLink",
    "Project",
    "Provider",
    "UserEventKind",
    "UserId",
    "UserNews",
    "bound_accounts",
    "mask_mobile",
    "normalise",
]
