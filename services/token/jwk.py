"""Public keys: how apps bring theirs (PEM), how keys are shown (RFC 7517) and named (RFC 7638)."""

import hashlib
import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.runtime import jws
from services.runtime.errors import FieldInvalid
from services.token.model import StoredTrustedKey


def read_trusted_key(pem: str) -> StoredTrustedKey:
    """A public key in PEM as it is kept. Raises `FieldInvalid`."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FieldInvalid("public_key_pem") from error
    algorithm = jws.algorithm_of(key)
    if algorithm is None:
        raise FieldInvalid("public_key_pem", "The public key must be RSA of 2048 to 8192 bits, P-256 or Ed25519.")
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return StoredTrustedKey(thumbprint(key), algorithm, der)


def thumbprint(public_key: Any) -> str:
    """RFC 7638: its owner can compute it, so no id has to be told."""
    text = json.dumps(members(public_key), sort_keys=True, separators=(",", ":"))
    return jws.encode(hashlib.sha256(text.encode()).digest())


def members(public_key: Any) -> dict[str, str]:
    """The required members of an RSA, P-256 or Ed25519 key (RFC 7518 section 6, RFC 8037 section 2)."""
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        point = public_key.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _integer(point.x, 32), "y": _integer(point.y, 32)}
    raw = public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": jws.encode(raw)}


def _integer(value: int, length: int | None = None) -> str:
    return jws.encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))
