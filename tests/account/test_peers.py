"""How account calls token: as its own identity, and with what token refuses said on in its own words."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from services.account.config import ClientKey
from services.account.errors import LinkUserRefused, NotFoundLinkUser
from services.account.peers import Actor, Proof, TokenPeer
from services.runtime import telemetry
from services.runtime.errors import FieldInvalid, Internal, PermissionDenied, Unavailable
from services.runtime.telemetry import take_request_id
from tests.account.running import new_client_key
from tests.support.databases import Databases
from tests.support.token import Running, running

Asked = Callable[[], float]

LIFETIME = timedelta(hours=2)


@pytest.fixture(autouse=True)
def in_a_call() -> None:
    """Peers are called by calls, whose ids they pass on."""
    take_request_id(None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def token(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture
async def user_id(token: Running) -> str:
    return await token.user()


def peer_of(token: Running, **changed: str) -> TokenPeer:
    identity = token.made["account"] | changed
    return TokenPeer(
        token.settings.listen,
        client_id=identity["client_id"],
        client_key=ClientKey(identity["private_key_pem"]).private_key,
        domain_id=token.made["domain_id"],
        clock=token.clock,
    )


@pytest_asyncio.fixture
async def peer(token: Running) -> AsyncIterator[TokenPeer]:
    made = peer_of(token)
    yield made
    await made.close()


@pytest.fixture
def asked(user_id: str) -> Asked:
    """How many access tokens were asked for since there was a user."""

    def total() -> float:
        method = "/tessera.token.v1.TokenService/Token"
        return sum(
            sample.value
            for metric in telemetry.CALLS.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["method"] == method
        )

    before = total()
    return lambda: total() - before


async def test_any_number_of_calls_share_one_access_token(user_id: str, peer: TokenPeer, asked: Asked) -> None:
    users = await asyncio.gather(*(peer.get_user("bj1", user_id) for _ in range(50)))
    assert {(user.role, user.status) for user in users} == {("user", "enabled")}
    assert asked() == 1


async def test_it_is_renewed_by_the_services_clock(user_id: str, peer: TokenPeer, token: Running, asked: Asked) -> None:
    """Before it expires. More of access tokens: tests/client/test_tokens.py."""
    await peer.get_user("bj1", user_id)
    token.clock.shift(LIFETIME * 0.85)
    try:
        await peer.get_user("bj1", user_id)
        async with asyncio.timeout(15):
            while asked() < 2:
                await asyncio.sleep(0.01)
    finally:
        token.clock.shift(-LIFETIME * 0.85)


async def test_a_reason_is_told_from_a_text(user_id: str, peer: TokenPeer) -> None:
    with pytest.raises(NotFoundLinkUser):
        await peer.get_user("bj1", "nobody")
    with pytest.raises(NotFoundLinkUser):
        await peer.get_user("another", user_id)


async def test_a_user_is_judged_again_when_the_token_is_issued(peer: TokenPeer, token: Running) -> None:
    """What GetUser said may be out of date by then."""
    client = token.made["operator"]["client_id"]
    disabled = await token.user()
    await token.set_status(disabled, "disabled")
    for user_id, app, refusal in (
        (disabled, client, LinkUserRefused),
        (token.made["user_id"], client, LinkUserRefused),
        ("nobody", client, NotFoundLinkUser),
        (await token.user(), "an app that is gone", PermissionDenied),
    ):
        with pytest.raises(refusal):
            await peer.issue_token("bj1", user_id, app, Proof("link", "x"), Actor(client, "", frozenset(), frozenset()))


async def test_a_field_that_token_does_not_take_is_the_callers_where_the_caller_filled_it(
    user_id: str, peer: TokenPeer
) -> None:
    actor = Actor("u1", "", frozenset(), frozenset())
    for call, field in (
        (peer.get_user("bj1", "a b"), "user_id"),
        (peer.issue_token("bj1", "x" * 65, "app", Proof("link", "x"), actor), "user_id"),
        (peer.issue_token("bj1", user_id, "app", Proof("link", "a\nb"), actor), "identity"),
    ):
        with pytest.raises(FieldInvalid) as caught:
            await call
        assert caught.value.field == field
    with pytest.raises(Internal):
        await peer.issue_token("bj1", user_id, "app", Proof("link", "x"), Actor("u1", "root", frozenset(), frozenset()))


@pytest.mark.parametrize("changed", [{"private_key_pem": new_client_key()}, {"client_id": "nobody"}])
async def test_an_identity_that_token_does_not_know(user_id: str, token: Running, changed: dict[str, str]) -> None:
    stranger = peer_of(token, **changed)
    with pytest.raises(Unavailable) as caught:
        await stranger.get_user("bj1", user_id)
    assert "token service" in caught.value.message
    await stranger.close()
