"""Who may call: the push app, its cap and its mode are what the credential says."""

import asyncpg
import grpc
import pytest

from tests.binding.callers import PushApp
from tests.support.calls import refused
from tests.support.token import Running

BIND = {"operator_type": 2, "token_accounts": [{"token": "phone", "account_list": [{"account": "someone"}]}]}
ASK = {"operator_type": 2, "token_list": ["phone"]}


@pytest.mark.parametrize(
    "permissions",
    [["binding.read", "binding.write"], ["binding.read"], ["account.link"], []],
    ids=["both, but no push app", "reading, but no push app", "another", "none"],
)
async def test_denied(
    token_service: Running,
    channel: grpc.aio.Channel,
    connection: asyncpg.Connection,
    permissions: list[str],
) -> None:
    client = await token_service.web_app(permissions=permissions)
    app = PushApp(0, (await token_service.by_secret(client)).access_token, channel, connection)
    for call in (app.call(BIND), app.query(ASK)):
        assert (await refused(call, "PERMISSION_DENIED")).code == grpc.StatusCode.PERMISSION_DENIED


async def test_unauthenticated(channel: grpc.aio.Channel, connection: asyncpg.Connection) -> None:
    stranger = PushApp(0, "none", channel, connection)
    await refused(stranger.call(BIND), "UNAUTHENTICATED")
    await refused(stranger.query(ASK), "UNAUTHENTICATED")
