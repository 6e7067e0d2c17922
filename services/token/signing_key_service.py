"""The servicer of SigningKeyService, in the order of proto/, and its conversions."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import signing_key_service_pb2 as pb2
from tessera.token.v1 import signing_key_service_pb2_grpc as pb2_grpc
from tessera.token.v1 import token_pb2

from services.runtime.auth import principal
from services.runtime.errors import FieldInvalid, FieldMissing
from services.token import jws
from services.token.actions.list_signing_keys import list_signing_keys
from services.token.actions.revoke_signing_key import revoke_signing_key
from services.token.actions.rotate_signing_key import rotate_signing_key
from services.token.jwk import members
from services.token.keys import ACCESS, EDGE, REFRESH
from services.token.model import SigningKey
from services.token.resources import Resources

_PAGE = 50
_MAX_PAGE = 1000

_USES = {
    ACCESS: pb2.SigningKey.USE_ACCESS,
    EDGE: pb2.SigningKey.USE_EDGE,
    REFRESH: pb2.SigningKey.USE_REFRESH,
}
_STATES = {
    "next": pb2.SigningKey.STATE_NEXT,
    "active": pb2.SigningKey.STATE_ACTIVE,
    "retiring": pb2.SigningKey.STATE_RETIRING,
    "retired": pb2.SigningKey.STATE_RETIRED,
}


class SigningKeyServicer(pb2_grpc.SigningKeyServiceServicer):
    """The keys of the caller's domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListSigningKeys(self, request: pb2.ListSigningKeysRequest, _context: Any) -> pb2.ListSigningKeysResponse:
        """List the keys."""
        if not 0 <= request.page_size <= _MAX_PAGE:
            raise FieldInvalid("page_size")
        after, limit = _read_page_token(request.page_token), request.page_size or _PAGE
        keys, more = await list_signing_keys(self._resources, principal(), after=after, limit=limit)
        return pb2.ListSigningKeysResponse(
            signing_keys=map(_write, keys), next_page_token=_write_page_token(keys[-1]) if more else ""
        )

    async def RotateSigningKey(
        self, request: pb2.RotateSigningKeyRequest, _context: Any
    ) -> pb2.RotateSigningKeyResponse:
        """Replace a key."""
        use = _read_use(request.use)
        key = await rotate_signing_key(self._resources, principal(), use=use, immediately=request.immediately)
        return pb2.RotateSigningKeyResponse(signing_key=_write(key))

    async def RevokeSigningKey(
        self, request: pb2.RevokeSigningKeyRequest, _context: Any
    ) -> pb2.RevokeSigningKeyResponse:
        """End a key."""
        key = await revoke_signing_key(self._resources, principal(), key_id=request.key_id)
        return pb2.RevokeSigningKeyResponse(signing_key=_write(key))


def _read_use(number: int) -> str:
    if number == pb2.SigningKey.USE_UNSPECIFIED:
        raise FieldMissing("use")
    for use, known in _USES.items():
        if number == known:
            return use
    raise FieldInvalid("use")


def _write(key: SigningKey) -> pb2.SigningKey:
    return pb2.SigningKey(
        key_id=key.key_id,
        use=_USES[key.use],
        state=_STATES[key.state],
        algorithm=key.algorithm,
        jwk=_write_jwk(key, key.public_key) if key.public_key else None,
        create_time=_time(key.created_at),
        activate_time=_time(key.activates_at),
        verify_until_time=_time(key.verify_until) if key.verify_until else None,
        retire_time=_time(key.retired_at) if key.retired_at else None,
        revoke_time=_time(key.revoked_at) if key.revoked_at else None,
    )


def _write_jwk(key: SigningKey, der: bytes) -> token_pb2.JsonWebKey:
    public_key = serialization.load_der_public_key(der)
    return token_pb2.JsonWebKey(use="sig", alg=key.algorithm, kid=key.key_id, **members(public_key))


def _time(moment: datetime) -> Timestamp:
    written = Timestamp()
    written.FromDatetime(moment)
    return written


def _write_page_token(last: SigningKey) -> str:
    return jws.encode(json.dumps([last.created_at.isoformat(), last.key_id]).encode())


def _read_page_token(text: str) -> tuple[datetime, str] | None:
    """Where a page begins; `None` at the first one. Raises `FieldInvalid`."""
    if not text:
        return None
    try:
        created_at, key_id = json.loads(jws.decode(text))
        after = datetime.fromisoformat(created_at), str(key_id)
    except (jws.JwsError, ValueError, TypeError) as error:
        raise FieldInvalid("page_token") from error
    if after[0].tzinfo is None or "\0" in after[1]:
        raise FieldInvalid("page_token")
    return after
