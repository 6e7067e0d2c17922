"""Logging on by an OpenID provider that is not ours, npm's oidc-provider, in each way that clients prove themselves."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from services.account.connectors import Kept, Wish
from services.account.connectors.custom import Custom
from services.account.model import Identity
from services.account.model.user_systems import UserSystem
from services.account.providers import ProviderKeys, documents
from services.account.providers.names import Names
from services.runtime.clock import Clock
from tests.account.connecting import NO_WISH, REDIRECT_URI, away, custom, kept, refused
from tests.support.openid_provider import OpenIdProvider, needs_provider, running_openid_provider
from tests.support.ports import free_ports

pytestmark = needs_provider

# With all that goes wrong where it is not encoded.
SECRET = "s:e%cr +t/&=" + "x" * 20


def client(method: str, **more: str) -> dict[str, object]:
    """A client whose id is how it proves itself, as the provider has it."""
    secret = {} if method == "none" else {"client_secret": SECRET}
    return {
        "client_id": method,
        "token_endpoint_auth_method": method,
        "redirect_uris": [REDIRECT_URI],
        "scope": "openid profile email",
        **secret,
        **more,
    }


@pytest_asyncio.fixture(scope="module")
async def provider() -> AsyncIterator[OpenIdProvider]:
    clients = [client("client_secret_basic"), client("none")]
    async with running_openid_provider(clients, methods=["client_secret_basic", "none"]) as made:
        yield made


@pytest_asyncio.fixture
async def connector() -> AsyncIterator[Custom]:
    names = Names()
    keys = ProviderKeys(names)
    connector = Custom(names, keys, Clock())
    yield connector
    await connector.close()
    await keys.close()


@pytest.fixture
def system(provider: OpenIdProvider) -> UserSystem:
    return custom(provider.issuer, "client_secret_basic", SECRET, scopes=("profile",))


async def answer_of(
    provider: OpenIdProvider, connector: Custom, system: UserSystem, own: Kept, name: str = "ada"
) -> dict[str, str]:
    """What a browser comes back with in which somebody has logged on."""
    answer = await provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH), name)
    assert answer.pop("state") == own.state
    return answer


@pytest.mark.parametrize(
    ("client_id", "secret", "anew_from"),
    [("client_secret_basic", SECRET, 0.0), ("none", "", time.time())],
    ids=["a secret", "none, and proven anew"],
)
async def test_somebody_logs_on(
    provider: OpenIdProvider, connector: Custom, client_id: str, secret: str, anew_from: float
) -> None:
    system, own = custom(provider.issuer, client_id, secret, scopes=("profile",)), Kept.fresh(anew_from)
    assert await connector.test(system) == []
    answer = await answer_of(provider, connector, system, own)
    proven = await connector.come_back(system, own, REDIRECT_URI, answer)
    who = f"{provider.issuer}|sub-ada"
    assert proven.identity == Identity("custom", who, who)
    assert proven.display_name == "Ada 王"
    assert proven.avatar == "https://pictures.example.com/ada.png"


async def test_the_secret_in_the_form_where_the_provider_takes_no_other(connector: Custom) -> None:
    method = "client_secret_post"
    async with running_openid_provider([client(method)], methods=[method]) as provider:
        system, own = custom(provider.issuer, method, SECRET), kept()
        assert await connector.test(system) == []
        answer = await answer_of(provider, connector, system, own)
        proven = await connector.come_back(system, own, REDIRECT_URI, answer)
        assert proven.identity.key == f"{provider.issuer}|sub-ada"
        # Nobody asked for more than who it is.
        assert (proven.display_name, proven.avatar) == ("", "")


async def test_what_a_browser_is_sent_with(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    own = kept()
    url = urlsplit(await connector.leave(system, own, REDIRECT_URI, Wish(login_hint="ada & co")))
    assert url._replace(query="").geturl() == f"{provider.issuer}/auth"
    asked = parse_qs(url.query, strict_parsing=True)
    assert asked.pop("code_challenge")[0] not in (own.verifier, "")
    assert asked == {
        "response_type": ["code"],
        "client_id": ["client_secret_basic"],
        "redirect_uri": [REDIRECT_URI],
        "scope": ["openid profile"],
        "state": [own.state],
        "nonce": [own.nonce],
        "code_challenge_method": ["S256"],
        "login_hint": ["ada & co"],
    }


async def test_noauth_a_verified_email_address_is_nobody(provider: OpenIdProvider, connector: Custom) -> None:
    """Eve's provider vouches for Ada's address: she is Eve all the same, and nothing has the address in it."""
    system = custom(provider.issuer, "client_secret_basic", SECRET, scopes=("profile", "email"))
    own = kept()
    answer = await answer_of(provider, connector, system, own, "eve")
    proven = await connector.come_back(system, own, REDIRECT_URI, answer)
    assert proven.identity.key == f"{provider.issuer}|sub-eve"
    assert "ada@example.com" not in repr(proven)


async def test_somebody_turns_back(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    own = kept()
    answer = await provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH), action="cancel")
    assert answer.pop("state") == own.state
    assert answer["error"] == "access_denied"
    await refused(connector.come_back(system, own, REDIRECT_URI, answer), "cancelled")


async def test_a_code_is_good_once(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    own = kept()
    answer = await answer_of(provider, connector, system, own)
    assert await connector.come_back(system, own, REDIRECT_URI, answer)
    assert "invalid_grant" in await refused(connector.come_back(system, own, REDIRECT_URI, answer))


async def test_code_injection(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    """A victim's code is brought by another browser: it has not the verifier."""
    victim, thief = kept(), kept()
    answer = await answer_of(provider, connector, system, victim)
    assert "invalid_grant" in await refused(connector.come_back(system, thief, REDIRECT_URI, answer))


async def test_mix_up(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    own = kept()
    answer = await answer_of(provider, connector, system, own)
    assert answer["iss"] == provider.issuer
    for changed in ({"iss": "https://else.example.com"}, {"iss": provider.issuer + "/"}, {"iss": ""}):
        await refused(connector.come_back(system, own, REDIRECT_URI, answer | changed))
    # It says that it always names itself.
    await refused(connector.come_back(system, own, REDIRECT_URI, {"code": answer["code"]}))
    # Also with what would be told otherwise.
    theirs = {"error": "access_denied", "iss": "https://else.example.com"}
    await refused(connector.come_back(system, own, REDIRECT_URI, theirs))
    # The code was shown to nobody by all of that.
    assert await connector.come_back(system, own, REDIRECT_URI, answer)


async def test_a_wrong_secret_is_told_to_the_log_alone(
    provider: OpenIdProvider, connector: Custom, system: UserSystem
) -> None:
    wrong, own = replace(system, secret="not-the-secret"), kept()
    answer = await answer_of(provider, connector, wrong, own)
    detail = await away(connector.come_back(wrong, own, REDIRECT_URI, answer))
    assert "invalid_client" in detail
    assert not any(secret in detail for secret in ("not-the-secret", answer["code"], own.verifier))


async def test_a_provider_changes_its_keys(connector: Custom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 0.0)
    port = free_ports(1)[0]
    for key_id, algorithm in (("k1", "RS256"), ("k2", "RS256"), ("k3", "ES256")):
        clients = [client("none", id_token_signed_response_alg=algorithm)]
        async with running_openid_provider(clients, port=port, algorithm=algorithm, key_id=key_id) as provider:
            system, own = custom(provider.issuer, "none", algorithms=("RS256", "ES256")), kept()
            answer = await answer_of(provider, connector, system, own)
            assert await connector.come_back(system, own, REDIRECT_URI, answer)


async def test_what_is_wrong_with_settings(provider: OpenIdProvider, connector: Custom, system: UserSystem) -> None:
    async def problem(changed: UserSystem) -> str:
        (found,) = await connector.test(changed)
        assert "secret-that-is-wrong" not in found
        return found

    assert "invalid_client" in await problem(replace(system, secret="secret-that-is-wrong"))
    assert "invalid_client" in await problem(custom(provider.issuer, "nobody", SECRET))
    slash = await problem(custom(provider.issuer + "/", "client_secret_basic", SECRET))
    assert repr(provider.issuer) in slash
    assert repr(provider.issuer + "/") in slash
    assert "cannot be had" in await problem(custom(provider.issuer + "/else", "client_secret_basic", SECRET))
    here_only = replace(system, private_addresses=False)
    assert "not https" in await problem(here_only)
    assert "no key for EdDSA" in "".join(
        await connector.test(custom(provider.issuer, "client_secret_basic", SECRET, algorithms=("EdDSA",)))
    )
