"""Logging on as a RAM user, at a stand-in for Alibaba Cloud that is asked for nothing but what its documents have."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from services.account.connectors import Kept, Proven, Wish
from services.account.connectors import ram as ram_module
from services.account.connectors.ram import Ram as Connector
from services.account.model import Identity
from services.account.model.user_systems import RamSettings, UserSystem
from services.account.providers import ProviderKeys
from services.account.providers.names import Names
from services.runtime.clock import Clock
from tests.account.connecting import NO_WISH, REDIRECT_URI, away, kept, refused
from tests.support.oidc import new_key, serving
from tests.support.ram import Person, Ram, running_ram

CLIENT_ID, SECRET = "4567890123456789012", "an-app-secret"
ACCOUNT, OTHER = "1234567890123456", "9999999999999999"


@pytest_asyncio.fixture
async def ram() -> AsyncIterator[Ram]:
    async with running_ram(CLIENT_ID, SECRET, REDIRECT_URI) as made:
        yield made


@pytest_asyncio.fixture
async def connector(ram: Ram) -> AsyncIterator[Connector]:
    names = Names()
    keys = ProviderKeys(names)
    yield Connector(names, keys, Clock(), ram.site, replace(ram.site, issuer="https://oauth.alibabacloud.com"))
    await keys.close()


def system(**settings: Any) -> UserSystem:
    return UserSystem(
        domain_id="d1",
        user_system_id="s1",
        settings=RamSettings(CLIENT_ID, **({"account_ids": (ACCOUNT,)} | settings)),
        private_addresses=True,
        secret=SECRET,
    )


async def log_on(connector: Connector, ram: Ram, own: Kept | None = None, **settings: Any) -> Proven:
    """Go there and come back, as a browser does."""
    own, ours = own or kept(), system(**settings)
    answer = ram.log_on(await connector.leave(ours, own, REDIRECT_URI, NO_WISH))
    assert answer.pop("state") == own.state
    return await connector.come_back(ours, own, REDIRECT_URI, answer)


@pytest.mark.parametrize("echoes_nonce", [False, True])
async def test_a_ram_user_logs_on(connector: Connector, ram: Ram, echoes_nonce: bool) -> None:
    ram.echoes_nonce = echoes_nonce
    proven = await log_on(connector, ram)
    assert proven == Proven(Identity("ram", "2345678901234567", "2345678901234567"), "王小明")
    assert await connector.test(system()) == []


async def test_what_it_is_called_where_it_has_no_name(connector: Connector, ram: Ram) -> None:
    ram.person.name = None
    assert (await log_on(connector, ram)).display_name == "ada@example.onaliyun.com"


async def test_a_native_app_has_no_secret(connector: Connector, ram: Ram) -> None:
    ram.client_secret = ""
    ours, own = replace(system(), secret=""), kept()
    answer = ram.log_on(await connector.leave(ours, own, REDIRECT_URI, NO_WISH))
    assert await connector.come_back(ours, own, REDIRECT_URI, answer)
    assert await connector.test(ours) == []


async def test_what_a_browser_is_sent_with(connector: Connector, ram: Ram) -> None:
    own = kept()
    url = urlsplit(await connector.leave(system(), own, REDIRECT_URI, Wish("ada", in_app=True)))
    asked = parse_qs(url.query, strict_parsing=True)
    assert asked.pop("code_challenge") != [own.verifier]
    assert asked == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [REDIRECT_URI],
        "scope": ["openid aliuid profile"],
        "state": [own.state],
        "nonce": [own.nonce],
        "code_challenge_method": ["S256"],
    }


async def test_the_sites_are_alibaba_clouds_own() -> None:
    """No setting says where they are: who may set up a user system cannot send people elsewhere."""
    names = Names()
    keys = ProviderKeys(names)
    connector = Connector(names, keys, Clock())
    for international, host in ((False, "signin.aliyun.com"), (True, "signin.alibabacloud.com")):
        ours = system(international=international)
        url = await connector.leave(ours, kept(), REDIRECT_URI, NO_WISH)
        assert url.startswith(f"https://{host}/oauth2/v1/auth?")
    for site in (ram_module.CHINA, ram_module.INTERNATIONAL):
        assert site.token_endpoint == f"{site.issuer}/v1/token"
        assert site.jwks_uri == f"{site.issuer}/v1/keys"
    await keys.close()


async def test_the_account_itself(connector: Connector, ram: Ram) -> None:
    ram.person = Person(aid=ACCOUNT, uid=ACCOUNT, upn=None, login_name="owner@example.com", name=None)
    await refused(log_on(connector, ram), "root_refused")
    proven = await log_on(connector, ram, root=True)
    assert proven == Proven(Identity("ram", ACCOUNT, ACCOUNT), "owner@example.com")


async def test_users_of_other_accounts(connector: Connector, ram: Ram) -> None:
    ram.person = Person(aid=OTHER)
    await refused(log_on(connector, ram), "not_a_member")
    await refused(log_on(connector, ram, account_ids=()), "not_a_member")
    assert await log_on(connector, ram, account_ids=(ACCOUNT, OTHER))
    # The owner of another account is told no more than its users.
    ram.person = Person(aid=OTHER, uid=OTHER, upn=None, login_name="owner@example.com")
    await refused(log_on(connector, ram, root=True), "not_a_member")


async def test_a_role_is_nobody(connector: Connector, ram: Ram) -> None:
    """OAuth apps let in who has taken on a role; whoever that is, others may do the same."""
    ram.person = Person(upn=None, name="auditors")
    await refused(log_on(connector, ram), "not_a_member")


async def test_somebody_turns_back(connector: Connector, ram: Ram) -> None:
    ram.refuses = True
    await refused(log_on(connector, ram), "cancelled")


@pytest.mark.parametrize("name", ["aid", "uid"])
@pytest.mark.parametrize("value", [None, "", 1234567890123456, "12 ", "1|2", "\uff11\uff12", "1" * 40, ["1"]])
async def test_numbers_are_numbers(connector: Connector, ram: Ram, name: str, value: Any) -> None:
    ram.changed = {name: value}
    assert name in await away(log_on(connector, ram))


async def test_code_injection(connector: Connector, ram: Ram) -> None:
    """A victim's code in another browser: without the verifier it is nothing."""
    victim, thief = kept(), kept()
    answer = ram.log_on(await connector.leave(system(), victim, REDIRECT_URI, NO_WISH))
    assert "invalid_grant" in await refused(connector.come_back(system(), thief, REDIRECT_URI, answer))
    # And burnt.
    assert "invalid_grant" in await refused(connector.come_back(system(), victim, REDIRECT_URI, answer))


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "of-another-flow"},
        {"nonce": ""},
        {"aud": "another-app"},
        {"iss": "https://oauth.alibabacloud.com"},
        {"exp": 1_600_000_000},
        {"iat": None},
        {"sub": None},
    ],
    ids=str,
)
async def test_what_a_token_must_say(connector: Connector, ram: Ram, changed: dict[str, Any]) -> None:
    ram.changed = changed
    await refused(log_on(connector, ram))


async def test_tokens_of_the_other_site_are_not_ours(connector: Connector, ram: Ram) -> None:
    await refused(log_on(connector, ram, international=True))
    ram.changed = {"iss": "https://oauth.alibabacloud.com"}
    assert await log_on(connector, ram, international=True)


async def test_a_token_by_another_hand(connector: Connector, ram: Ram) -> None:
    claims = {"iss": ram.site.issuer, "aud": CLIENT_ID, "aid": ACCOUNT, "uid": "1", "upn": "eve@example.onaliyun.com"}
    for key in (new_key("RS256", "k1"), new_key("ES256", "k1")):
        ram.id_token = ram.token(key, **claims)
        await refused(log_on(connector, ram))
    # By the right one it would be good.
    ram.id_token = ram.token(**claims)
    assert (await log_on(connector, ram)).identity.key == "1"


async def test_what_is_wrong_with_settings(connector: Connector, ram: Ram) -> None:
    (problem,) = await connector.test(replace(system(), secret="secret-that-is-wrong"))
    assert "invalid_client" in problem
    assert "secret-that-is-wrong" not in problem
    own = kept()
    ours = replace(system(), secret="secret-that-is-wrong")
    answer = ram.log_on(await connector.leave(ours, own, REDIRECT_URI, NO_WISH))
    assert "invalid_client" in await away(connector.come_back(ours, own, REDIRECT_URI, answer))
    ram.instead["/v1/keys"] = ("503 Away", "", b"")
    (problem,) = await connector.test(system())
    assert "503" in problem


async def test_the_stand_in_takes_nothing_else() -> None:
    """Each of these is a complaint, with which `running_ram` fails."""
    async with serving(Ram(CLIENT_ID, SECRET, REDIRECT_URI)) as ram, httpx.AsyncClient(trust_env=False) as http:
        ram.address = ram.issuer
        form = {"code": "x", "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "grant_type": "authorization_code"}
        token, authorize = f"{ram.address}/v1/token", f"{ram.address}/oauth2/v1/auth"
        asked = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "response_type": "code"}
        for request in (
            http.build_request("GET", token),
            http.build_request("GET", f"{ram.address}/v1/userinfo"),
            http.build_request("POST", token, data=form, headers={"content-type": "text/plain"}),
            http.build_request("POST", token, data=form, params={"a": "b"}),
            http.build_request("POST", token, data=form, headers={"authorization": "Basic eA=="}),
            http.build_request("POST", token, data=form | {"resource": "x"}),
            http.build_request("POST", token, data=form | {"client_secret": ""}),
            http.build_request("POST", token, data={"code": "x"} | {"client_id": CLIENT_ID}),
            http.build_request("GET", authorize, params=asked | {"resource": "x"}),
            http.build_request("GET", authorize, params=asked | {"scope": "openid email"}),
            http.build_request("GET", authorize, params=asked | {"redirect_uri": "https://else.example.com"}),
            http.build_request("GET", authorize, params=asked | {"prompt": "login"}),
        ):
            ram.complaints.clear()
            await http.send(request)
            assert len(ram.complaints) >= 1, request
        ram.complaints.clear()
        await http.get(authorize, params=asked)
        await http.post(token, data=form)
        assert ram.complaints == []


async def test_a_redirect_uri_that_is_not_the_same(connector: Connector, ram: Ram) -> None:
    own = kept()
    answer = ram.log_on(await connector.leave(system(), own, REDIRECT_URI, NO_WISH))
    assert "redirect_uri_mismatch" in await away(connector.come_back(system(), own, f"{REDIRECT_URI}/x", answer))
