"""What logon knows, and the pure rules about it."""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

CODE_LIFETIME = timedelta(minutes=5)
"""How long a code that was sent lets its bearer in."""
MAX_TRIES = 5
"""Wrong codes that end it."""
AGAIN = timedelta(seconds=10)
"""How long a code that was good is so once more: its form may have been sent twice."""
RESEND_AFTER = timedelta(seconds=60)
"""How long nobody may have another code sent to the same identity."""
WINDOW = timedelta(hours=1)
"""The time in which codes are counted that were sent."""
CODES_PER_IDENTITY = 5
"""Codes that an identity is sent in that time for one browser."""
CODES_PER_ADDRESS = 30
"""Codes that are sent for one network address in that time: an office may share one."""
PASSWORDS_PER_NAME = 10
"""Wrong passwords of one browser that are looked at for one name of a user system in that time."""
PASSWORDS_PER_ADDRESS = 100
"""Those of one network address, whatever the names."""
GUESSES = 100
"""Codes or passwords of one browser that may be wrong for one identity or name in 30 days (NIST SP 800-63B)."""
BROWSERS = 4
"""All browsers together may have, for one identity or name, as many codes and guesses as so many of them."""
STRANGER = UUID(int=0)
"""The browsers in which an identity or name was never proven: what they do is counted together."""
SESSION_LIFETIME = timedelta(hours=12)
"""How long a browser stays logged on."""

LOGON = "logon"
"""The kind of proof that a code for logging on is."""


@dataclass(frozen=True, slots=True)
class LogonDomain:
    """A domain that people log on to: its id, and the issuer of its tokens."""

    domain_id: str
    issuer: str


@dataclass(frozen=True, slots=True)
class LogonApp:
    """An app that people log on to, as its domain's operator made it known.

    Args:
        client_id: its id.
        domain_id: its domain.
        issuer: `iss` of the domain's tokens.
        domain_name: may be empty.
        name: of the app.
        description: may be empty.
        logo: https URL; may be empty.
        scopes: that it may be given.
        admitted: whether it is let into its domain.
        skip_consent: whether users are not asked what it may have of them.
        needs_code_challenge: whether it has to bring one, since it has no secret.
        redeems_codes: whether apps of its type get codes at all.
        redirect_uri_registered: whether the redirect URI that was asked about is one of its own.
    """

    client_id: str
    domain_id: str
    issuer: str
    domain_name: str
    name: str
    description: str
    logo: str
    scopes: tuple[str, ...]
    admitted: bool
    skip_consent: bool
    needs_code_challenge: bool
    redeems_codes: bool
    redirect_uri_registered: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A device that asks to be logged on (RFC 8628).

    Args:
        authorization_id: of what it asks.
        domain_id: of its app.
        client_id: the app.
        scopes: asked for.
        name: what it calls itself; may be empty, and is no more than that.
    """

    authorization_id: str
    domain_id: str
    client_id: str
    scopes: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser in which a user is logged on.

    Args:
        session_id: UUIDv7.
        secret_hash: SHA-256 of what the browser has beside the id.
        user_id: the user.
        method: type of the identity that was proven.
        browser: what it calls itself.
        proven_at: when.
        user_system_id: by which user system; empty: by one of that type, of a release that did not say.
    """

    session_id: UUID
    secret_hash: bytes
    user_id: str
    method: str
    browser: str
    proven_at: datetime
    user_system_id: str = ""


@dataclass(frozen=True, slots=True)
class AppSession:
    """What an app was given and goes on with, at token.

    Args:
        session_id: its id there.
        app: name of the app, or its id where it has none.
        device: what the device or browser calls itself in which it was begun; may be empty.
        begun_at: when.
        used_at: when it was last refreshed, or began.
    """

    session_id: UUID
    app: str
    device: str
    begun_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user has let an app have, and when last."""

    client_id: str
    scopes: tuple[str, ...]
    given_at: datetime


def name_key(name: str) -> str:
    """A name as directories compare it (RFC 4518): what they take for the same is counted as the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def fits(session: BrowserSession, secret: bytes) -> bool:
    """Whether a secret is a session's."""
    return hmac.compare_digest(session.secret_hash, hashlib.sha256(secret).digest())
