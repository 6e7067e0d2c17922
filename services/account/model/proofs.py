"""What proves that an identity is a user's: a code that was sent to it, or a ticket of a logon with it."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.account.model.bearers import new_bearer, read_bearer
from services.account.model.identities import Identity

CODE, TICKET = "code", "ticket"

LIFETIME = timedelta(minutes=10)
"""How long a proof may be used."""
CLAIM = timedelta(seconds=10)
"""How long a call that presented a proof has it for itself: longer than such a call lasts."""
MAX_TRIES = 5
"""Wrong codes that end a proof."""
WINDOW = timedelta(hours=1)
"""The time in which codes are counted that were sent."""
CODES_PER_IDENTITY = 5
"""Codes that an address is sent in that time."""
CODES_PER_USER = 10
"""Codes that a user asks for in that time."""

_CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Presented:
    """A proof as a caller presents it: its kind, its id, and the secret, which nobody has looked at yet."""

    kind: str
    proof_id: UUID
    secret: str


def new_code() -> str:
    """A code that people type: 6 random digits."""
    return f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"


def new_ticket(proof_id: UUID) -> tuple[str, str]:
    """A ticket as its bearer gets it, and the secret in it: 256 random bits."""
    ticket, secret = new_bearer(proof_id)
    return ticket, secret.hex()


def read_ticket(text: str) -> Presented | None:
    """The proof that a ticket is; `None` where it is none."""
    borne = read_bearer(text)
    return Presented(TICKET, borne[0], borne[1].hex()) if borne else None


class ProofKey:
    """Makes the keyed hash by which a proof is stored (docs/adr/0040).

    Args:
        private_key: this service's own, which all of its replicas have and the database does not; the key is derived
            from it.
    """

    def __init__(self, private_key: EllipticCurvePrivateKey) -> None:
        self._secret = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._key = self.derive("tessera account proofs")

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, the same in all replicas."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._secret)

    def mac(self, domain_id: str, user_id: str, identity: Identity, proof: Presented, session_id: str = "") -> bytes:
        """The hash of a secret with all that it is bound to: who presents it for anything else has another hash.

        Args:
            domain_id: the user's.
            user_id: the user to whom the identity is to be linked.
            identity: what is proven.
            proof: id, kind and secret.
            session_id: the session that a ticket is bound to.
        """
        session = session_id if proof.kind == TICKET else ""
        bound = (
            proof.kind,
            str(proof.proof_id),
            domain_id,
            user_id,
            identity.type,
            identity.key,
            session,
            proof.secret,
        )
        # No part holds a zero byte that is not a control character, and those are refused.
        return hmac.digest(self._key, "\0".join(bound).encode(), sha256)
