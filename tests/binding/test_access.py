"""Who may call: the push app, its cap and its mode are what the credential says."""

import asyncpg
import grpc
import pytest

from tests.binding.callers import PushApp, reason, refusal
from tests.token import running as token

BIND = {"operator_type": 2, "token_accounts": [{"token": "phone", "account_list": [{"account": "someone"}]}]}
ASK = {"operator_type": 2, "token_list": ["phone"]}


@pytest.mark.parametrize(
    "permissions",
    [["binding.read", "binding.write"], ["binding.read"], ["account.link"], []],
    ids=["both, but no push app", "reading, but no push app", "another", "none"],
)
async def test_denied(
    token_service: token.Running,
    channel: grpc.aio.Channel,
    connection: asyncpg.Connection,
    permissions: list[str],
) -> None:
    client = await token_service.web_app(permissions=permissions)
    app = PushApp(0, (await token_service.by_secret(client)).access_token, channel, connection)
    for call in (app.call(BIND), app.query(ASK)):
        error = await refusal(call)
        assert (error.code(), reason(error)) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")


async def test_unauthenticated(channel: grpc.aio.Channel, connection: asyncpg.Connection) -> None:
    stranger = PushApp(0, "none", channel, connection)
    assert reason(await refusal(stranger.call(BIND))) == "UNAUTHENTICATED"
    assert reason(await refusal(stranger.query(ASK))) == "UNAUTHENTICATED"
