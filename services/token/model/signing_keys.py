"""Signing keys, as they are kept and as operators see them."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key as it is kept: `private_key` sealed, `public_key` in DER, `None` for a symmetric one."""

    domain_id: str
    issuer: str
    key_id: str
    use: str
    algorithm: str
    state: str
    public_key: bytes | None
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key as operators see it.

    `state` is `next`, `active`, `retiring` or `retired`; `activates_at` says from when it may sign, or since when it
    did; `verify_until` stands from `retiring` on, `retired_at` from `retired` on; `revoked_at` where it was retired
    before its time.
    """

    key_id: str
    use: str
    algorithm: str
    state: str
    public_key: bytes | None
    created_at: datetime
    activates_at: datetime
    verify_until: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueKey:
    """A key that rotation has to do something about: `state` says what."""

    domain_id: str
    key_id: str
    use: str
    state: str
