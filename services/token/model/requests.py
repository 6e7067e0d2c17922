"""What a client asks for, and what it proves itself by."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

# RFC 6749 section 3.3.
SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,128}")

# What makes a request one of OpenID Connect.
OPENID = "openid"

PUSH_SCOPE = re.compile(r"push:([1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """What a client proves itself by; an absent parameter is empty.

    `basic` is what stood behind `Basic`; `host` whom a request to the gateway was sent to.
    """

    host: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    basic: str = field(default="", repr=False)
    client_assertion_type: str = ""
    client_assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest(ClientRequest):
    """Parameters of the token endpoint; an absent one is empty."""

    grant_type: str
    code: str = field(default="", repr=False)
    redirect_uri: str = ""
    code_verifier: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    subject_token: str = field(default="", repr=False)
    subject_token_type: str = ""
    requested_token_type: str = ""
    audience: str = ""
    resource: str = ""
    device_code: str = field(default="", repr=False)
    actor_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest(ClientRequest):
    """What a device without a browser asks for; what is absent is empty. Empty `scopes` are all of the app's."""

    scopes: tuple[str, ...] = ()
    device_id: str = ""
    device_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken(ClientRequest):
    """A token that a client presents to have it looked at or revoked."""

    token: str = field(repr=False)


class Nonce(NamedTuple):
    """What makes a signed request good once: SHA-256 of it, and when the days begin that it is used up in.

    That is at midnight in UTC, as seconds since 1970.
    """

    domain_id: str
    hash: bytes
    days: tuple[int, ...]
