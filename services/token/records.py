"""Nouns as operators see them: what a call needs of them stands in model/, and is part of these.

`version` rises with every change; `updated_at` is absent where there was none.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from services.token.model import App, Domain


@dataclass(frozen=True, slots=True)
class Record:
    """When a thing was made and changed."""

    created_at: datetime
    updated_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """A domain."""

    domain: Domain
    record: Record


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An app, without its keys."""

    app: App
    record: Record


@dataclass(frozen=True, slots=True)
class TrustedKeyRecord:
    """A key of an app, enabled or not; `public_key` is SubjectPublicKeyInfo in DER."""

    key_id: str
    algorithm: str
    public_key: bytes
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessKeyRecord:
    """An access key, without its secret."""

    access_key_id: str
    name: str
    permissions: tuple[str, ...]
    enabled: bool
    paths: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]
    refuse_acs: bool
    record: Record


@dataclass(frozen=True, slots=True)
class PushAppRecord:
    """A push app, without its secret."""

    access_id: int
    name: str
    tokens_per_account: int
    append_enabled: bool
    enabled: bool
    record: Record


@dataclass(frozen=True, slots=True)
class RequestId:
    """What tells a call that is made again: `content_hash` is SHA-256 of the RPC, its caller and its content."""

    value: uuid.UUID
    content_hash: bytes


def secret_id(secret_hash: bytes) -> str:
    """What a secret is called by: nothing that helps to find it, or that a stranger could be recognized by."""
    return hashlib.sha256(b"secret id\0" + secret_hash).hexdigest()[:16]
