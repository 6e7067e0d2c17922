"""What an operator is told of an OpenID provider with which something is wrong."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.account.connectors.custom import Custom
from services.account.providers import ProviderKeys, fetch
from services.account.providers.names import Names
from services.runtime.clock import Clock
from tests.account.connecting import NO_WISH, REDIRECT_URI, away, custom, kept
from tests.support.logon_provider import LogonProvider
from tests.support.oidc import new_key, serving

SECRET = "our-secret"


@pytest_asyncio.fixture
async def connector() -> AsyncIterator[Custom]:
    names = Names()
    keys = ProviderKeys(names)
    connector = Custom(names, keys, Clock())
    yield connector
    await connector.close()
    await keys.close()


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[LogonProvider]:
    async with serving(LogonProvider()) as provider:
        provider.keys = [new_key("RS256")]
        yield provider


async def test_nothing(connector: Custom, provider: LogonProvider) -> None:
    assert await connector.test(custom(provider.issuer, secret=SECRET)) == []
    assert await connector.test(custom(provider.issuer)) == []


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"issuer": None}, "is of the issuer None"),
        ({"issuer": ["x"]}, "is of the issuer ['x']"),
        ({"token_endpoint": None}, "has no token_endpoint"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint of the discovery document is no"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE by S256"),
        ({"id_token_signing_alg_values_supported": ["HS256", "PS512"]}, "by HS256, PS512, and the settings take RS256"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "neither by client_secret_basic nor by"),
    ],
    ids=str,
)
async def test_metadata(connector: Custom, provider: LogonProvider, metadata: dict[str, Any], said: str) -> None:
    provider.more_metadata = metadata
    (problem,) = await connector.test(custom(provider.issuer, secret=SECRET))
    assert said in problem
    assert problem.endswith(".")


async def test_lists_that_are_as_they_should_be(connector: Custom, provider: LogonProvider) -> None:
    provider.more_metadata = {
        "code_challenge_methods_supported": ["plain", "S256"],
        "id_token_signing_alg_values_supported": ["HS256", "RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", 7],
    }
    assert await connector.test(custom(provider.issuer, secret=SECRET)) == []
    (tried,) = provider.redeemed
    assert tried.form()["client_secret"] == SECRET
    assert "authorization" not in tried.headers


async def test_no_way_of_a_client_in_common(connector: Custom, provider: LogonProvider) -> None:
    provider.more_metadata = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    system, own = custom(provider.issuer, secret=SECRET), kept()
    answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
    assert "client authentication" in await away(connector.come_back(system, own, REDIRECT_URI, answer))
    # The secret was shown to nobody.
    assert provider.redeemed == []


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/keys", ("404 Not Found", "", b""), "keys of the user system cannot be had"),
        ("/keys", ("200 OK", "", b'{"keys":[]}'), "keys of the user system cannot be had"),
        ("/token_endpoint", ("401 Unauthorized", "", b""), "does not take the client id with its secret: status 401"),
        ("/token_endpoint", ("400 Bad Request", "", b'{"error":"unauthorized_client"}'), "unauthorized_client"),
        ("/token_endpoint", ("404 Not Found", "", b"<html>"), "not answer as OAuth has it: status 404"),
        ("/token_endpoint", ("200 OK", "", b"{}"), "not answer as OAuth has it: status 200"),
        ("/token_endpoint", ("200 OK", "", b" " * 300_000), "cannot be reached"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_answers(connector: Custom, provider: LogonProvider, path: str, answer: Any, said: str) -> None:
    provider.instead[path] = answer
    (problem,) = await connector.test(custom(provider.issuer, secret=SECRET))
    assert said in problem
    assert problem.endswith(".")
    assert SECRET not in problem


async def test_keys_of_another_kind(connector: Custom, provider: LogonProvider) -> None:
    provider.keys = [new_key("ES256")]
    (problem,) = await connector.test(custom(provider.issuer))
    assert problem == "The user system has no key for RS256."


async def test_nobody_there(connector: Custom, provider: LogonProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "REQUEST_SECONDS", 0.3)
    provider.hangs = True
    (problem,) = await connector.test(custom(provider.issuer))
    assert problem.startswith("The discovery document cannot be had: ")
