"""The caller's access token, from a real token service: one for all calls, renewed in time, given up when refused."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from tessera.client import AccessTokens, ClientSecret, Credential, PrivateKeyJwt, errors, open_channel
from tessera.token.v1.token_admin_service_pb2 import APP_TYPE_SERVICE
from tessera.token.v1.user_service_pb2 import CreateUserRequest
from tessera.token.v1.user_service_pb2_grpc import UserServiceStub

from services.runtime import telemetry
from tests.support.ports import free_ports
from tests.support.token import Running
from tests.support.token_client import RSA_KEY, content

LIFETIME = timedelta(hours=2)
TOKEN = "/tessera.token.v1.TokenService/Token"


class Asked:
    """How often the token service was asked for a token since this was made."""

    def __init__(self) -> None:
        self._before = self._total()

    def __call__(self) -> float:
        return self._total() - self._before

    @staticmethod
    def _total() -> float:
        samples = [sample for metric in telemetry.CALLS.collect() for sample in metric.samples]
        return sum(each.value for each in samples if each.name.endswith("_total") and each.labels["method"] == TOKEN)


@pytest_asyncio.fixture
async def token(service: Running) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(str(service.settings.listen[0])) as channel:
        yield channel


@pytest.fixture
def operator(service: Running) -> ClientSecret:
    identity = service.made["operator"]
    return ClientSecret(identity["client_id"], identity["client_secret"])


@pytest.fixture
def access_tokens(service: Running, token: grpc.aio.Channel, operator: ClientSecret) -> AccessTokens:
    return AccessTokens(token, operator, now=service.clock.now)


@pytest_asyncio.fixture
async def users(service: Running, access_tokens: AccessTokens) -> AsyncIterator[Any]:
    """A stub of UserService, whose calls need the operator's token."""
    async with open_channel(str(service.settings.listen[0]), access_tokens=access_tokens) as channel:
        yield UserServiceStub(channel)


async def test_any_number_of_calls_share_one(users: Any) -> None:
    asked = Asked()
    made = await asyncio.gather(*(users.CreateUser(CreateUserRequest()) for _ in range(50)))
    assert len({user.user_id for user in made}) == 50
    assert asked() == 1


async def test_it_is_renewed_when_four_fifths_are_over_and_nobody_waits(
    service: Running, access_tokens: AccessTokens
) -> None:
    first, asked = await access_tokens.get(), Asked()
    service.clock.shift(LIFETIME * 0.79)
    try:
        assert await access_tokens.get() == first
        await asyncio.sleep(0.1)
        assert asked() == 0
        service.clock.shift(LIFETIME * 0.02)
        async with asyncio.timeout(15):
            while await access_tokens.get() == first:
                await asyncio.sleep(0.01)
        assert asked() == 1
    finally:
        service.clock.shift(-LIFETIME * 0.81)


async def test_one_that_expired_is_not_used(service: Running, access_tokens: AccessTokens) -> None:
    first = await access_tokens.get()
    service.clock.shift(LIFETIME)
    try:
        assert await access_tokens.get() != first
    finally:
        service.clock.shift(-LIFETIME)


async def test_a_renewal_that_fails_takes_nothing_away_and_is_tried_again_after_a_second(
    service: Running, operator: ClientSecret, caplog: pytest.LogCaptureFixture
) -> None:
    class Fickle:
        """Proves another client when told to."""

        wrong = False

        def parameters(self) -> dict[str, str]:
            return dict(operator.parameters()) | ({"client_secret": "wrong"} if self.wrong else {})

    credential = Fickle()
    async with open_channel(str(service.settings.listen[0])) as channel:
        access_tokens = AccessTokens(channel, credential, now=service.clock.now)
        first = await access_tokens.get()
        service.clock.shift(LIFETIME * 0.9)
        try:
            credential.wrong, asked = True, Asked()
            with caplog.at_level(logging.WARNING):
                async with asyncio.timeout(15):
                    while not caplog.records:
                        assert await access_tokens.get() == first
                        await asyncio.sleep(0.01)
            assert "INVALID_CLIENT" in caplog.text
            assert asked() == 1
            credential.wrong = False
            service.clock.shift(timedelta(seconds=1))
            async with asyncio.timeout(15):
                while await access_tokens.get() == first:
                    await asyncio.sleep(0.01)
        finally:
            service.clock.shift(-LIFETIME * 0.9 - timedelta(seconds=1))


async def test_a_caller_who_goes_away_takes_nobodys_token_with_him(users: Any) -> None:
    asked = Asked()
    calls = [asyncio.ensure_future(users.CreateUser(CreateUserRequest())) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls[0].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(ends[0], asyncio.CancelledError)
    assert not any(isinstance(end, BaseException) for end in ends[1:])
    assert asked() == 1


async def test_one_that_is_refused_is_replaced_once_for_all(users: Any, access_tokens: AccessTokens) -> None:
    await access_tokens.get()
    access_tokens._bearer, asked = "revoked", Asked()
    made = await asyncio.gather(*(users.CreateUser(CreateUserRequest()) for _ in range(20)))
    assert len({user.user_id for user in made}) == 20
    assert asked() == 1


async def test_a_wrong_secret_is_told_by_every_call_that_needs_it(service: Running, operator: ClientSecret) -> None:
    address = str(service.settings.listen[0])
    async with open_channel(address) as token:
        access_tokens = AccessTokens(token, ClientSecret(operator.client_id, "wrong"))
        async with open_channel(address, access_tokens=access_tokens) as channel:
            for _ in range(2):
                with pytest.raises(errors.InvalidClient) as caught:
                    await UserServiceStub(channel).CreateUser(CreateUserRequest())
                assert caught.value.method == TOKEN


async def test_where_token_is_away_the_call_ends_in_its_time(service: Running, operator: ClientSecret) -> None:
    async with open_channel(f"127.0.0.1:{free_ports(1)[0]}") as token:
        access_tokens = AccessTokens(token, operator)
        async with open_channel(str(service.settings.listen[0]), access_tokens=access_tokens) as channel:
            with pytest.raises(errors.Unavailable) as caught:
                await UserServiceStub(channel).CreateUser(CreateUserRequest(), timeout=5)
            assert caught.value.method == TOKEN


@pytest.mark.parametrize(
    "key", [RSA_KEY, ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()]
)
async def test_a_key_proves_a_client_as_a_secret_does(service: Running, token: grpc.aio.Channel, key: Any) -> None:
    app = await service.app(APP_TYPE_SERVICE, key=key, scopes=(), permissions=["account.link"])
    credential = PrivateKeyJwt(app.client_id, key, audience=service.made["domain_id"], now=service.clock.now)
    assert content(await AccessTokens(token, credential).get())["client_id"] == app.client_id


async def test_an_assertion_of_another_key_proves_nobody(service: Running, token: grpc.aio.Channel) -> None:
    app = await service.app(APP_TYPE_SERVICE, key=RSA_KEY, scopes=(), permissions=["account.link"])
    stranger = ec.generate_private_key(ec.SECP256R1())
    credential = PrivateKeyJwt(app.client_id, stranger, audience=service.made["domain_id"], now=service.clock.now)
    with pytest.raises(errors.InvalidClient):
        await AccessTokens(token, credential).get()


async def test_a_scope_asks_for_a_push_app(service: Running, token: grpc.aio.Channel) -> None:
    push = await service.push_app()
    app = await service.web_app(push_access_ids=[push.access_id])
    credential: Credential = ClientSecret(app.client_id, app.secret)
    claims = content(await AccessTokens(token, credential, scope=f"push:{push.access_id}").get())
    assert claims["push_app"]["id"] == push.access_id


def test_what_is_secret_is_not_shown() -> None:
    shown = f"{ClientSecret('one', 'hunter2')} {PrivateKeyJwt('two', RSA_KEY, audience='bj1')}"
    assert "hunter2" not in shown
    assert "Key" not in shown.replace("PrivateKeyJwt", "")
