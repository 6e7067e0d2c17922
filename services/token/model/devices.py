"""Devices without a browser, which ask for tokens by a code that their users enter elsewhere (RFC 8628)."""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# Consonants that look like nothing else, and spell no words (RFC 8628 section 6.1).
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
_USER_CODE = re.compile(f"[{_LETTERS}]{{{_LENGTH}}}")

Decision = Literal["approved", "denied"]
"""What a user says to a device."""


@dataclass(frozen=True, slots=True)
class NewDeviceAuthorization:
    """What a device is about to be given. Hashes are SHA-256."""

    domain_id: str
    authorization_id: uuid.UUID
    device_code_hash: bytes
    user_code_hash: bytes
    client_id: str
    scopes: tuple[str, ...]
    device_id: str
    device_name: str
    now: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What a device asks for, as its user is shown it."""

    domain_id: str
    authorization_id: uuid.UUID
    client_id: str
    scopes: tuple[str, ...]
    device_name: str
    expires_at: datetime


def new_user_code() -> str:
    """A code for people: 8 letters of 20, which makes 34 bits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def shown_user_code(code: str) -> str:
    """A user code as a device shows it: `XXXX-XXXX`."""
    half = _LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def entered_user_code(text: str) -> str | None:
    """The code that somebody entered, whatever stands between its letters, in either case; `None`: it is none."""
    code = re.sub(r"[\W_]", "", text).upper()
    return code if _USER_CODE.fullmatch(code) else None


def hash_user_code(domain_id: str, code: str) -> bytes:
    """What is kept of a user code. Of the same code in another domain it is another."""
    return hashlib.sha256(f"user code\0{domain_id}\0{code}".encode()).digest()
