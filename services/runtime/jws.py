"""Signed JSON in compact form (RFC 7515): read strictly, verified by key type, written lean.

Which algorithm a key may be used with is decided here, by the key, and never by a header or a library (RFC 8725
section 3.1): no `none`, no HMAC.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

MAX_CHARS = 10_000
MIN_RSA_BITS = 2048
# Strangers have signatures verified by an app's keys: with an exponent as long as the modulus one takes as long as a
# hundred of the usual ones, and every other call waits.
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**32
ALGORITHMS = ("RS256", "ES256", "EdDSA")

_P256_BYTES = 32
_RSA_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_to_json = json.JSONEncoder(separators=(",", ":")).encode
# Parameters that bring a key along or change how the rest is read.
_REFUSED = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip")


class JwsError(Exception):
    """Not a signed JSON object that we read; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token that was taken apart. Nothing in it is to be believed before `verifies`."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def verifies(self, algorithm: str, public_key: Any) -> bool:
        """Whether a key, used with its one algorithm, made the signature."""
        if self.header.get("alg") != algorithm:
            return False
        try:
            if algorithm == "RS256":
                public_key.verify(self.signature, self.signed, _RSA_PADDING, _SHA256)
            elif algorithm == "ES256":
                public_key.verify(_der(self.signature), self.signed, _ECDSA)
            elif algorithm == "EdDSA":
                public_key.verify(self.signature, self.signed)
            else:
                return False
        except InvalidSignature:
            return False
        return True


def algorithm_of(public_key: Any) -> str | None:
    """The one algorithm that a public key is used with; `None` for a key that we do not take."""
    if isinstance(public_key, rsa.RSAPublicKey):
        fair = MIN_RSA_BITS <= public_key.key_size <= MAX_RSA_BITS
        usual = fair and public_key.public_numbers().e <= MAX_RSA_EXPONENT
        return "RS256" if usual else None
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    return None


def read(text: str) -> Jws:
    """Take a compact JWS apart.

    Raises:
        JwsError: it is too long, not well-formed, holds a name twice, or brings along what we refuse.
    """
    if len(text) > MAX_CHARS:
        msg = "too long"
        raise JwsError(msg)
    parts = text.split(".")
    if len(parts) != 3:
        msg = "not three parts"
        raise JwsError(msg)
    header, claims = _object(parts[0]), _object(parts[1])
    for name in _REFUSED:
        if name in header:
            msg = f"header has {name}"
            raise JwsError(msg)
    return Jws(header, claims, f"{parts[0]}.{parts[1]}".encode(), decode(parts[2]))


def write(header: str, claims: Mapping[str, Any], algorithm: str, private_key: Any) -> str:
    """Sign claims.

    Args:
        header: already encoded, by `encode_json`.
        claims: the content.
        algorithm: one of `ALGORITHMS`.
        private_key: fits the algorithm.
    """
    text = f"{header}.{encode_json(claims)}"
    if algorithm == "RS256":
        signature = private_key.sign(text.encode(), _RSA_PADDING, _SHA256)
    elif algorithm == "EdDSA":
        signature = private_key.sign(text.encode())
    else:
        r, s = decode_dss_signature(private_key.sign(text.encode(), _ECDSA))
        signature = r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")
    return f"{text}.{encode(signature)}"


def to_json(value: Mapping[str, Any]) -> str:
    """JSON without blanks."""
    return _to_json(value)


def encode_json(value: Mapping[str, Any]) -> str:
    """JSON without blanks, in base64url."""
    return encode(to_json(value).encode())


def encode(value: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read base64url in its one canonical form. Raises `JwsError`."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        msg = "not base64url"
        raise JwsError(msg) from error
    if encode(value) != text:
        msg = "not canonical base64url"
        raise JwsError(msg)
    return value


def _object(part: str) -> Mapping[str, Any]:
    try:
        value = json.loads(decode(part), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        msg = "not JSON"
        raise JwsError(msg) from error
    if not isinstance(value, dict):
        msg = "not a JSON object"
        raise JwsError(msg)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        msg = "a name stands twice"
        raise JwsError(msg)
    return value


def _refuse_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise JwsError(msg)


def _der(signature: bytes) -> bytes:
    """The form in which the library takes an ECDSA signature (RFC 7518 section 3.4 has it as two numbers)."""
    if len(signature) != 2 * _P256_BYTES:
        raise InvalidSignature
    r, s = signature[:_P256_BYTES], signature[_P256_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
