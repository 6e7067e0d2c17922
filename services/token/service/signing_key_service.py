"""SigningKeyService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import signing_key_service_pb2 as pb2
from tessera.token.v1 import signing_key_service_pb2_grpc as pb2_grpc

from services.runtime.auth import principal
from services.token.actions.signing_keys.list_signing_keys import list_signing_keys
from services.token.actions.signing_keys.revoke_signing_key import revoke_signing_key
from services.token.actions.signing_keys.rotate_signing_key import rotate_signing_key
from services.token.convert import signing_keys as convert
from services.token.resources import Resources


class SigningKeyServicer(pb2_grpc.SigningKeyServiceServicer):
    """The keys of the caller's domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListSigningKeys(self, request: pb2.ListSigningKeysRequest, _context: Any) -> pb2.ListSigningKeysResponse:
        """List the keys."""
        caller = principal()
        after, limit = convert.read_keys_page(request, caller.domain_id)
        keys, more = await list_signing_keys(self._resources, caller, after=after, limit=limit)
        return convert.write_keys_page(keys, caller.domain_id, more=more)

    async def RotateSigningKey(
        self, request: pb2.RotateSigningKeyRequest, _context: Any
    ) -> pb2.RotateSigningKeyResponse:
        """Replace a key."""
        use = convert.read_use(request.use)
        key = await rotate_signing_key(self._resources, principal(), use=use, immediately=request.immediately)
        return pb2.RotateSigningKeyResponse(signing_key=convert.write_signing_key(key))

    async def RevokeSigningKey(
        self, request: pb2.RevokeSigningKeyRequest, _context: Any
    ) -> pb2.RevokeSigningKeyResponse:
        """End a key."""
        key = await revoke_signing_key(self._resources, principal(), key_id=request.key_id)
        return pb2.RevokeSigningKeyResponse(signing_key=convert.write_signing_key(key))
