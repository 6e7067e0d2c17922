"""What the account service knows, and the pure rules about it, a module a noun."""

from services.account.model.identities import MAX_IDENTITY_CHARS, TYPES, Identity, Link, normalise
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

__all__ = [
    "ALGORITHMS",
    "DISABLED",
    "MAX_IDENTITY_CHARS",
    "NORMAL",
    "PROVIDER_NAME",
    "TYPES",
    "Identity",
    "Link",
    "OpenAccount",
    "Project",
    "Provider",
    "mask_mobile",
    "normalise",
]
