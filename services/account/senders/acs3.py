"""Calls of Alibaba Cloud's APIs in the RPC style, signed with ACS3-HMAC-SHA256 (its "V3" signature)."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_SCHEME = "ACS3-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key there."""

    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call by POST, whose parameters stand in the query.

    Args:
        endpoint: `https://host`.
        action: what is called.
        version: of the API.
        query: parameters.
    """

    endpoint: str
    action: str
    version: str
    query: Mapping[str, str] = field(repr=False)


def signed(call: Call, access_key: AccessKey, date: str = "", nonce: str = "") -> tuple[str, dict[str, str]]:
    """URL and headers of a call.

    Args:
        call: what is called.
        access_key: who calls.
        date: `2026-01-31T12:00:00Z`; empty: now.
        nonce: what makes it good once; empty: a random one.
    """
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(call.query.items()))
    # In the order of their names.
    headers = {
        "host": urlsplit(call.endpoint).netloc,
        "x-acs-action": call.action,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": date or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce or secrets.token_hex(16),
        "x-acs-version": call.version,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(("POST", "/", query, lines, names, headers["x-acs-content-sha256"]))
    to_sign = f"{_SCHEME}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(access_key.secret.encode(), to_sign.encode(), "sha256").hex()
    headers["authorization"] = f"{_SCHEME} Credential={access_key.key_id},SignedHeaders={names},Signature={signature}"
    headers["accept"] = "application/json"
    return f"{call.endpoint}/?{query}", headers


def _encoded(text: str) -> str:
    return quote(text, safe="~")
