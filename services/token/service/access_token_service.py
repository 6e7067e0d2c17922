"""AccessTokenService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import access_token_service_pb2, access_token_service_pb2_grpc, token_pb2

from services.runtime.auth import principal
from services.runtime.validation import checked_user_id
from services.token.actions.get_access_token import get_access_token
from services.token.convert import tokens as convert
from services.token.resources import Resources


class AccessTokenServicer(access_token_service_pb2_grpc.AccessTokenServiceServicer):
    """Tokens of users for servers that know them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def GetAccessToken(
        self, request: access_token_service_pb2.GetAccessTokenRequest, _context: Any
    ) -> token_pb2.Token:
        """Issue tokens for a user."""
        user_id = checked_user_id(request.user_id)
        return convert.write_issued(await get_access_token(self._resources, principal(), user_id=user_id))
