"""Keys, and tokens that they signed, without a token service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.clock import Clock
from services.runtime.keys import ACCESS, EDGE, VerificationKey
from tests.support.calls import Metadata, bearer

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ISSUER = "https://one.example"


@dataclass
class Known:
    """Keys from memory."""

    keys: dict[str, VerificationKey]
    asked: int = 0
    later: dict[str, VerificationKey] = field(default_factory=dict)
    problem: str | None = None

    def get(self, key_id: str) -> VerificationKey | None:
        return self.keys.get(key_id)

    async def ask(self) -> None:
        self.asked += 1
        self.keys |= self.later


KEYS = {
    "a1": VerificationKey(ACCESS, "a1", ISSUER, "one", "RS256", RSA.public_key()),
    "a2": VerificationKey(ACCESS, "a2", "https://two.example", "two", "RS256", OTHER_RSA.public_key()),
    "e1": VerificationKey(EDGE, "e1", "urn:tessera:edge:one", "one", "ES256", EC.public_key()),
}


def claims(clock: Clock, **changed: Any) -> dict[str, Any]:
    now = clock.timestamp()
    custom = json.dumps({"domainId": "two", "role": "admin"})
    standard = {"iss": ISSUER, "aud": ISSUER, "sub": "u1", "iat": now, "exp": now + 60, "client_id": "c1"}
    merged = standard | {"scope": "ACCOUNT.ALL", "customJson": custom, "sid": "s1"} | changed
    return {name: value for name, value in merged.items() if value is not None}


def signed(payload: Mapping[str, Any], key: Any = RSA, kid: str = "a1", algorithm: str = "RS256", **header: Any) -> str:
    return jwt.encode(dict(payload), key, algorithm, {"kid": kid, **header})


def caller(*permissions: str, **claims_: Any) -> Metadata:
    """Metadata of a service with these permissions."""
    return bearer(signed(claims(Clock(), kind="service", customJson=None, permissions=permissions, **claims_)))


def keep(folder: Path) -> None:
    """Leave in a service's state folder what an earlier run would have kept there: the access keys."""
    keys = []
    for known in KEYS.values():
        if known.use == ACCESS:
            numbers = known.public_key.public_numbers()
            n, e = (jwt.utils.to_base64url_uint(number).decode() for number in (numbers.n, numbers.e))
            jwk = token_pb2.JsonWebKey(kty="RSA", use="sig", alg="RS256", kid=known.key_id, n=n, e=e)
            keys.append(
                token_pb2.VerificationKey(
                    use=ACCESS, key_id=known.key_id, issuer=known.issuer, domain_id=known.domain_id, jwk=jwk
                )
            )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    answer = token_service_pb2.ListVerificationKeysResponse(keys=keys)
    (folder / "verification_keys.binpb").write_bytes(answer.SerializeToString())
