"""JWK Sets (RFC 7517): the public keys of a provider, of the kinds that we verify with."""

import json
from dataclasses import dataclass
from typing import Any

import jwt

from services.account.providers.documents import DocumentError
from services.runtime import jws
from services.runtime.keys import ALGORITHMS

_MAX_KEYS = 100


class JwksError(DocumentError):
    """Not a JWK Set with a key of ours in it; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, with the one algorithm that it is used with. The id may be empty."""

    key_id: str
    algorithm: str
    public_key: Any


def parse_jwks(text: str) -> tuple[Key, ...]:
    """Read keys from a text. Raises `JwksError`."""
    try:
        return read_jwks(json.loads(text))
    except (ValueError, RecursionError) as error:
        msg = "not JSON"
        raise JwksError(msg) from error


def read_jwks(value: Any) -> tuple[Key, ...]:
    """Read the keys that verify signatures; passes over those of other kinds (RFC 7517 section 5).

    Raises:
        JwksError: it is none, has no key of ours, or has too many.
    """
    members = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(members, list) or len(members) > _MAX_KEYS:
        msg = f"not an object with at most {_MAX_KEYS} keys"
        raise JwksError(msg)
    keys = tuple(key for key in map(_read_key, members) if key)
    if not keys:
        msg = "no RSA, P-256 or Ed25519 key for signatures"
        raise JwksError(msg)
    return keys


def _read_key(members: Any) -> Key | None:
    if not isinstance(members, dict) or members.get("use", "sig") != "sig":
        return None
    kind = (str(members.get("kty")), str(members.get("crv", "")))
    algorithm = ALGORITHMS.get(kind)
    if algorithm is None or members.get("alg", algorithm) != algorithm:
        return None
    # The public members alone: a private key that somebody published is not read.
    public = {name: members[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in members}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    # Sizes and exponents are bounded there.
    if jws.algorithm_of(key) != algorithm:
        return None
    key_id = members.get("kid", "")
    return Key(key_id if isinstance(key_id, str) else "", algorithm, key)
