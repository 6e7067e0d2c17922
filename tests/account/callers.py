"""Callers of an account service, known to it by keys on disk alone."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.clock import Clock
from tests.support.calls import Metadata, bearer

_KEY = ec.generate_private_key(ec.SECP256R1())
_CLOCK = Clock()


@dataclass(frozen=True)
class Domain:
    """A domain whose key account has kept on disk, and credentials in it."""

    id: str

    def access_key(self, *permissions: str) -> Metadata:
        """An access key that holds these permissions."""
        return self._bearer(kind="access_key", sub="AK1", client_id="AK1", permissions=permissions)

    def user(self, user_id: str, role: str = "user") -> Metadata:
        """A user logged on through an app."""
        return self._bearer(sub=user_id, client_id="app1", scope="ACCOUNT.ALL", customJson=json.dumps({"role": role}))

    def _bearer(self, **claims: object) -> Metadata:
        now = _CLOCK.timestamp()
        issuer = _issuer(self.id)
        claims |= {"iss": issuer, "aud": issuer, "iat": now, "exp": now + 300}
        token = jwt.encode(claims, _KEY, algorithm="ES256", headers={"kid": self.id, "typ": "at+jwt"})
        return bearer(token)


def keep_keys(state: Path, domains: Iterable[str]) -> None:
    """Leave in a folder what an earlier run of the service would have kept there: a key for each domain."""
    numbers = _KEY.public_key().public_numbers()
    x, y = (jwt.utils.base64url_encode(number.to_bytes(32)).decode() for number in (numbers.x, numbers.y))
    keys = [
        token_pb2.VerificationKey(
            use=token_pb2.VerificationKey.USE_ACCESS,
            key_id=domain,
            issuer=_issuer(domain),
            domain_id=domain,
            jwk=token_pb2.JsonWebKey(kty="EC", use="sig", alg="ES256", kid=domain, crv="P-256", x=x, y=y),
        )
        for domain in domains
    ]
    answer = token_service_pb2.ListVerificationKeysResponse(keys=keys)
    (state / "verification_keys.binpb").write_bytes(answer.SerializeToString())


def _issuer(domain: str) -> str:
    return f"https://{domain}.example.com"
