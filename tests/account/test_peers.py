"""Account's client of token: one access token for all calls, renewed in time, never trusted further than token does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from services.account.config import ClientKey
from services.account.errors import LinkUserRefused, NotFoundLinkUser
from services.account.peers import Actor, Proof
from services.account.peers import TokenService as Peer
from services.runtime import telemetry
from services.runtime.errors import PermissionDenied, Unavailable
from tests.account.running import new_client_key
from tests.account.token_service import Operator, TokenService
from tests.support.databases import Databases
from tests.support.ports import free_ports

Asked = Callable[[], float]

LIFETIME = timedelta(hours=2)


@pytest.fixture(scope="module")
def token(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> TokenService:
    return TokenService.bootstrap(databases.fresh("token"), tmp_path_factory.mktemp("token"), free_ports(1)[0])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operator(token: TokenService) -> AsyncIterator[Operator]:
    async with token.running() as made:
        yield made


def peer_of(token: TokenService, **changed: str) -> Peer:
    identity = token.bootstrapped["account"] | changed
    return Peer(
        (token.address,),
        client_id=identity["client_id"],
        client_key=ClientKey(identity["private_key_pem"]).private_key,
        domain_id=token.bootstrapped["domain_id"],
        clock=token.clock,
    )


@pytest_asyncio.fixture
async def peer(token: TokenService) -> AsyncIterator[Peer]:
    made = peer_of(token)
    yield made
    await made.close()


@pytest.fixture
def asked() -> Asked:
    """How many access tokens were asked for since the test began."""

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


async def test_any_number_of_calls_share_one_access_token(operator: Operator, peer: Peer, asked: Asked) -> None:
    user_id = await operator.user()
    users = await asyncio.gather(*(peer.get_user("bj1", user_id) for _ in range(50)))
    assert {(user.role, user.status) for user in users} == {("user", "enabled")}
    assert asked() == 1


async def test_it_is_renewed_before_it_expires_and_nobody_waits(
    operator: Operator, peer: Peer, token: TokenService, asked: Asked
) -> None:
    user_id = await operator.user()
    await peer.get_user("bj1", user_id)
    first = peer._credential._bearer
    token.clock.shift(LIFETIME * 0.85)
    try:
        assert await peer._credential.get() == first
        async with asyncio.timeout(5):
            while peer._credential._bearer == first:
                await asyncio.gather(*(peer.get_user("bj1", user_id) for _ in range(10)))
        await peer.get_user("bj1", user_id)
        assert asked() == 2
    finally:
        token.clock.shift(-LIFETIME * 0.85)


async def test_one_that_has_expired_is_not_used(
    operator: Operator, peer: Peer, token: TokenService, asked: Asked
) -> None:
    user_id = await operator.user()
    await peer.get_user("bj1", user_id)
    first = peer._credential._bearer
    token.clock.shift(LIFETIME)
    try:
        await peer.get_user("bj1", user_id)
        assert peer._credential._bearer != first
        assert asked() == 2
    finally:
        token.clock.shift(-LIFETIME)


async def test_one_that_token_does_not_take_is_renewed_once(operator: Operator, peer: Peer, asked: Asked) -> None:
    user_id = await operator.user()
    await peer.get_user("bj1", user_id)
    peer._credential._bearer = "revoked"
    await asyncio.gather(*(peer.get_user("bj1", user_id) for _ in range(20)))
    assert asked() == 2


async def test_a_caller_who_goes_away_takes_nobodys_token_with_him(
    operator: Operator, peer: Peer, asked: Asked
) -> None:
    user_id = await operator.user()
    calls = [asyncio.create_task(peer.get_user("bj1", user_id)) for _ in range(10)]
    await asyncio.sleep(0)
    calls[0].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(ends[0], asyncio.CancelledError)
    assert not any(isinstance(end, BaseException) for end in ends[1:])
    assert asked() == 1


async def test_a_reason_is_told_from_a_text(operator: Operator, peer: Peer) -> None:
    with pytest.raises(NotFoundLinkUser):
        await peer.get_user("bj1", "nobody")
    with pytest.raises(NotFoundLinkUser):
        await peer.get_user("another domain", await operator.user())


async def test_a_user_is_judged_again_when_the_token_is_issued(
    operator: Operator, peer: Peer, token: TokenService
) -> None:
    """What GetUser said may be out of date by then."""
    client = token.bootstrapped["operator"]["client_id"]
    disabled = await operator.user()
    await operator.set_status(disabled, "disabled")
    for user_id, app, refusal in (
        (disabled, client, LinkUserRefused),
        (token.bootstrapped["user_id"], client, LinkUserRefused),
        ("nobody", client, NotFoundLinkUser),
        (await operator.user(), "an app that is gone", PermissionDenied),
    ):
        with pytest.raises(refusal):
            await peer.issue_token("bj1", user_id, app, Proof("link", "x"), Actor(client, "", frozenset()))


@pytest.mark.parametrize("changed", [{"private_key_pem": new_client_key()}, {"client_id": "nobody"}])
async def test_an_identity_that_token_does_not_know(
    operator: Operator, token: TokenService, changed: dict[str, str]
) -> None:
    stranger = peer_of(token, **changed)
    with pytest.raises(Unavailable) as caught:
        await stranger.get_user("bj1", await operator.user())
    assert "token service" in caught.value.message
    await stranger.close()
