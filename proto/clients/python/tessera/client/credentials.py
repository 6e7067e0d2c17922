"""What a caller proves itself with at token: the app's secret, or the key whose public half token was told."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
"""RSA from 2048 bits, P-256 or Ed25519, as `load_pem_private_key` of package cryptography reads it."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(seconds=60)


class Credential(Protocol):
    """A way of client authentication (RFC 6749 section 2.3)."""

    def parameters(self) -> Mapping[str, str]:
        """Fields of a `TokenRequest` that prove the client, made anew for each request."""


@dataclass(frozen=True)
class ClientSecret:
    """An app's id and secret."""

    client_id: str
    client_secret: str = field(repr=False)

    def parameters(self) -> Mapping[str, str]:
        """As they are."""
        return {"client_id": self.client_id, "client_secret": self.client_secret}


@dataclass(frozen=True)
class PrivateKeyJwt:
    """An app's id and private key, which signs an assertion for each request (RFC 7523 section 2.2).

    Args:
        client_id: the app.
        private_key: its key.
        audience: the domain, or its issuer.
        now: tells the time, aware, by which assertions are stamped; token takes one that is off by some seconds.
    """

    client_id: str
    private_key: PrivateKey = field(repr=False)
    _: KW_ONLY
    audience: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def parameters(self) -> Mapping[str, str]:
        """An assertion that is good for a minute, and once."""
        now = self.now()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + _ASSERTION_LIFETIME,
        }
        return {
            "client_id": self.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": jwt.encode(claims, self.private_key, algorithm=_algorithm(self.private_key)),
        }


def _algorithm(key: PrivateKey) -> str:
    if isinstance(key, RSAPrivateKey):
        return "RS256"
    return "ES256" if isinstance(key, EllipticCurvePrivateKey) else "EdDSA"
