"""RAM users of Alibaba Cloud, by its OpenID Connect, whose addresses are known and are nobody's to set.

Its documents say nothing of a nonce. So what binds an answer to the browser that left is the state, PKCE, and that our
client proves itself; a nonce is sent, and compared where it comes back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.account.connectors import Kept, Proven, Wish
from services.account.connectors.code_flow import (
    Credentials,
    SystemSigner,
    claims_of,
    code_of,
    destination,
    redeem,
)
from services.account.connectors.strangers import name_of
from services.account.connectors.trial import try_client, try_keys
from services.account.errors import LogonRefused
from services.account.model import normalise
from services.account.model.user_systems import RamSettings, UserSystem
from services.account.providers import ProviderKeys
from services.account.providers.fetch import Reach
from services.account.providers.names import Names
from services.runtime.clock import Clock
from services.runtime.errors import Unavailable

_ACCOUNT = re.compile(r"[0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Site:
    """One of Alibaba Cloud's two: who signs there, and where it is reached."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


CHINA = Site(
    "https://oauth.aliyun.com",
    "https://signin.aliyun.com/oauth2/v1/auth",
    "https://oauth.aliyun.com/v1/token",
    "https://oauth.aliyun.com/v1/keys",
)
INTERNATIONAL = Site(
    "https://oauth.alibabacloud.com",
    "https://signin.alibabacloud.com/oauth2/v1/auth",
    "https://oauth.alibabacloud.com/v1/token",
    "https://oauth.alibabacloud.com/v1/keys",
)


class Ram:
    """Proves RAM users.

    Args:
        names: looks up where the sites are.
        keys: theirs.
        clock: the time.
        china: the site in China.
        international: the other one.
    """

    def __init__(
        self, names: Names, keys: ProviderKeys, clock: Clock, china: Site = CHINA, international: Site = INTERNATIONAL
    ) -> None:
        self._names = names
        self._keys = keys
        self._clock = clock
        self._china = china
        self._international = international

    async def leave(
        self,
        system: UserSystem,
        kept: Kept,
        redirect_uri: str,
        wish: Wish,  # noqa: ARG002 it knows none of them
    ) -> str:
        """Where the browser is sent. Raises as `Redirecting.leave`."""
        asked = {
            "client_id": _settings_of(system).client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid aliuid profile",
        }
        return destination(self._site(system).authorization_endpoint, kept, asked)

    async def come_back(self, system: UserSystem, kept: Kept, redirect_uri: str, answer: Mapping[str, str]) -> Proven:
        """Whom it has proven. Raises as `Redirecting.come_back`."""
        code, site = code_of(answer), self._site(system)
        tokens = await redeem(
            site.token_endpoint,
            self._reach(system),
            _credentials(system),
            code=code,
            redirect_uri=redirect_uri,
            verifier=kept.verifier,
        )
        signer = _signer(system, site)
        claims = await claims_of(self._keys, signer, tokens, kept, self._clock.now(), echoes_nonce=False)
        account, uid = _number(claims, "aid"), _number(claims, "uid")
        _admit(_settings_of(system), claims, account, uid)
        name = claims.get("name") or claims.get("upn") or claims.get("login_name")
        return Proven(normalise("ram", uid), name_of(name))

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong with the settings, as they and the site are now."""
        site, reach = self._site(system), self._reach(system)
        problems = await try_keys(_signer(system, site), reach)
        return problems + await try_client(site.token_endpoint, reach, _credentials(system))

    def _site(self, system: UserSystem) -> Site:
        return self._international if _settings_of(system).international else self._china

    def _reach(self, system: UserSystem) -> Reach:
        return Reach(self._names, system.domain_id, system.private_addresses)


def _settings_of(system: UserSystem) -> RamSettings:
    assert isinstance(system.settings, RamSettings)
    return system.settings


def _signer(system: UserSystem, site: Site) -> SystemSigner:
    return SystemSigner(
        domain_id=system.domain_id,
        idp=system.user_system_id,
        issuer=site.issuer,
        audiences=(_settings_of(system).client_id,),
        algorithms=("RS256",),
        jwks_uri=site.jwks_uri,
        private_addresses=system.private_addresses,
    )


def _credentials(system: UserSystem) -> Credentials:
    """As its documents have them: in the form; a native app has no secret."""
    secret = {"client_secret": system.secret} if system.secret else {}
    return {"client_id": _settings_of(system).client_id, **secret}, None


def _number(claims: Mapping[str, Any], name: str) -> str:
    """The number of an account or user."""
    value = claims.get(name)
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        raise Unavailable("provider", detail=f"id token without {name}: has the OAuth app the scope aliuid?")
    return value


def _admit(settings: RamSettings, claims: Mapping[str, Any], account: str, uid: str) -> None:
    """Whether somebody may log on. Raises `LogonRefused`."""
    if account not in settings.account_ids:
        raise LogonRefused("not_a_member", f"of account {account}")
    if account == uid:
        if not settings.root:
            raise LogonRefused("root_refused", f"account {account} itself")
    elif not claims.get("upn"):
        # Who took on a role (OAuth apps let them in since 2024) has no user principal name; a role is many people's.
        raise LogonRefused(
            "not_a_member", f"{uid} of account {account} is no RAM user, or the app has no scope profile"
        )
