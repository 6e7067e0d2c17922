"""AccountService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import account_pb2, account_service_pb2, account_service_pb2_grpc

from services.account.actions.links.get_link_info import get_link_info
from services.account.actions.links.get_link_info_by_user_id import get_link_info_by_user_id
from services.account.actions.links.link_account import link_account
from services.account.actions.links.unlink_account import unlink_account
from services.account.actions.proofs.send_sms_code import send_sms_code
from services.account.convert import links as convert
from services.account.convert import proofs
from services.account.peers import Token
from services.account.resources import Resources
from services.runtime.auth import only_own, principal
from services.runtime.validation import checked_user_id


class AccountServicer(account_service_pb2_grpc.AccountServiceServicer):
    """Identities linked to users."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def LinkAccount(self, request: account_service_pb2.LinkAccountRequest, _context: Any) -> Token:
        """Link an identity to a user; answer a Token of that user."""
        user_id = checked_user_id(request.user_id)
        identity = convert.read_identity(request)
        return await link_account(
            self._resources,
            principal(),
            user_id=user_id,
            identity=identity,
            own_user=_own_user(),
            proof=proofs.read_proof(request),
        )

    async def UnlinkAccount(
        self, request: account_service_pb2.UnlinkAccountRequest, _context: Any
    ) -> account_service_pb2.UnlinkAccountResponse:
        """Take an identity from a user."""
        user_id = checked_user_id(request.user_id)
        identity = convert.read_identity(request)
        await unlink_account(self._resources, principal(), user_id=user_id, identity=identity, own_user=_own_user())
        return account_service_pb2.UnlinkAccountResponse()

    async def GetLinkInfo(
        self, request: account_service_pb2.GetLinkInfoRequest, _context: Any
    ) -> account_pb2.AccountLinkInfo:
        """Find the link of an identity."""
        identity = convert.read_identity(request)
        link = await get_link_info(self._resources, principal(), identity=identity, own_user=_own_user())
        return convert.write_link(link)

    async def GetLinkInfoByUserId(
        self, request: account_service_pb2.GetLinkInfoByUserIdRequest, _context: Any
    ) -> account_service_pb2.GetLinkInfoByUserIdResponse:
        """List the links of a user."""
        user_id = checked_user_id(request.user_id)
        links = await get_link_info_by_user_id(self._resources, principal(), user_id=user_id, own_user=_own_user())
        return account_service_pb2.GetLinkInfoByUserIdResponse(items=map(convert.write_link, links))

    async def SendSmsCode(
        self, request: account_service_pb2.SendSmsCodeRequest, _context: Any
    ) -> account_service_pb2.SendSmsCodeResponse:
        """Send a code by which a user proves that an address is its own."""
        identity = proofs.read_address(request)
        code_id = await send_sms_code(self._resources, principal(), identity=identity)
        return account_service_pb2.SendSmsCodeResponse(sms_code_id=str(code_id))


def _own_user() -> str | None:
    """The one user whose links the caller may see; `None`: everybody's."""
    return principal().subject if only_own() else None
