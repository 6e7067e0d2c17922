"""WeCom (`wechat`): a QR code on a desktop, or silently in WeCom's own app; errors are answered with HTTP 200.

Source: WeCom's developer documents 98152 (log on by web), 91022 (in the app), 91039 (tokens), 91023 (who it is) and
90313 (codes of errors). WeCom has neither PKCE nor a nonce: a code is bound to the browser by `state`, and to the app
by the corporation's access token. Secret and token travel in queries, which therefore nothing may log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.account.connectors import Kept, Proven, Wish
from services.account.connectors.answers import address, ask, code_of, fields_of, in_time, visible
from services.account.connectors.corp_tokens import CorpTokens
from services.account.errors import LogonRefused
from services.account.model import normalise
from services.account.model.user_systems import UserSystem, WechatSettings
from services.account.providers.fetch import Reach
from services.account.providers.names import Names
from services.runtime.errors import Unavailable

_MAX_TOKEN_CHARS = 512
_MAX_TOKEN_SECONDS = 7200
_NO_SUCH_CODE = 40029
_TOKEN_REFUSED = (40014, 42001)
# Document 90195: so many letters, digits and `_-@.`; "not case sensitive".
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
# Nobody was ever given it.
_NOBODYS_CODE = "0" * 32
_WORDS = {
    40013: "WeCom knows no corporation of this corp id.",
    40001: "The secret is none of this corporation's.",
    40091: "The secret is another corporation's.",
    60020: "WeCom takes no calls from this machine's address: the app's list of trusted IP addresses lacks it.",
    40056: "The corporation has no app of this agent id.",
    301002: "The agent id is not that of the app whose secret this is.",
}
"""What errors say of settings, by `errcode`."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where WeCom is.

    Args:
        desktop: the page that shows a QR code.
        in_app: the page that WeCom's app opens.
        api: what the paths of its API are below of.
    """

    desktop: str
    in_app: str
    api: str


WECOM = Places(
    "https://login.work.weixin.qq.com/wwlogin/sso/login",
    "https://open.weixin.qq.com/connect/oauth2/authorize",
    "https://qyapi.weixin.qq.com/cgi-bin",
)


class _ErrorCode(Exception):
    """What was answered is the error of this code."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"WeCom {what}: errcode {code}")
        self.code = code


class Wechat:
    """Proves members of a corporation, as `Redirecting` says. Used by one event loop.

    Args:
        names: looks up where WeCom is.
        places: where that is, but for tests.
    """

    def __init__(self, names: Names, places: Places = WECOM) -> None:
        self._names = names
        self._places = places
        self._tokens = CorpTokens()

    async def close(self) -> None:
        """Give up what is under way."""
        await self._tokens.close()

    async def leave(self, system: UserSystem, kept: Kept, redirect_uri: str, wish: Wish) -> str:
        """WeCom's page: a QR code, or for WeCom's own app one that asks nothing."""
        settings = _settings(system)
        if wish.in_app:
            # In the document's order. The fragment is what WeCom's app looks for.
            query = {
                "appid": settings.corp_id,
                "redirect_uri": redirect_uri,
                "response_type": "code",
                "scope": "snsapi_base",
                "state": kept.state,
                "agentid": settings.agent_id,
            }
            return address(self._places.in_app, query) + "#wechat_redirect"
        query = {
            "login_type": "CorpApp",
            "appid": settings.corp_id,
            "agentid": settings.agent_id,
            "redirect_uri": redirect_uri,
            "state": kept.state,
        }
        return address(self._places.desktop, query)

    async def come_back(self, system: UserSystem, kept: Kept, redirect_uri: str, answer: Mapping[str, str]) -> Proven:
        """Whom it has proven: a member. The identity is `{corp id}:{userid}`."""
        del kept, redirect_uri
        code = code_of(answer, "code")
        try:
            async with in_time():
                fields = await self._who(system, code)
        except _ErrorCode as error:
            if error.code == _NO_SUCH_CODE:
                raise LogonRefused("refused", detail=str(error)) from None
            raise Unavailable("provider", detail=str(error)) from None
        # The older interface capitalises, and this one has been seen to.
        spelt = [fields[name] for name in ("userid", "UserId") if fields.get(name)]
        if not spelt:
            raise LogonRefused("not_a_member", detail="no userid")
        user_id = spelt[0]
        if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id) or spelt[-1] != user_id:
            raise Unavailable("provider", detail="WeCom getuserinfo: a userid that is none")
        identity = normalise("wechat", f"{_settings(system).corp_id}:{user_id}")
        return Proven(identity, display_name=user_id)

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong. Whether the domain is one that the app trusts cannot be seen without a person."""
        if not system.secret:
            return ["The secret is missing."]
        try:
            token, _ = await self._fetch_token(system)
            try:
                await self._get("auth/getuserinfo", system, access_token=token, code=_NOBODYS_CODE)
            except _ErrorCode as error:
                # What is said of nobody's code where all is well.
                if error.code != _NO_SUCH_CODE:
                    raise
            await self._get("agent/get", system, access_token=token, agentid=_settings(system).agent_id)
        except _ErrorCode as error:
            return [_WORDS.get(error.code, f"{error}.")]
        except Unavailable as error:
            return [f"WeCom gives no answer: {error.detail}."]
        return []

    async def _who(self, system: UserSystem, code: str) -> Mapping[str, Any]:
        token = await self._token(system)
        try:
            return await self._get("auth/getuserinfo", system, access_token=token, code=code)
        except _ErrorCode as error:
            if error.code not in _TOKEN_REFUSED:
                raise
        # It ended before its time, perhaps with its secret. The code was not looked at.
        token = await self._token(system, refused=token)
        return await self._get("auth/getuserinfo", system, access_token=token, code=code)

    async def _token(self, system: UserSystem, *, refused: str = "") -> str:
        return await self._tokens.get(
            _settings(system).corp_id, system.secret, lambda: self._fetch_token(system), refused=refused
        )

    async def _fetch_token(self, system: UserSystem) -> tuple[str, float]:
        """An access token of the corporation, and for how many seconds it holds."""
        fields = await self._get("gettoken", system, corpid=_settings(system).corp_id, corpsecret=system.secret)
        token = visible(fields.get("access_token"), _MAX_TOKEN_CHARS)
        seconds = fields.get("expires_in")
        if not token or isinstance(seconds, bool) or not isinstance(seconds, int):
            raise Unavailable("provider", detail="WeCom gettoken: no token")
        return token, min(seconds, _MAX_TOKEN_SECONDS)

    async def _get(self, path: str, system: UserSystem, **query: str) -> Mapping[str, Any]:
        """Ask WeCom. Raises `Unavailable`, and `_ErrorCode` where it answers one."""
        reach = Reach(self._names, system.domain_id, system.private_addresses)
        answer = await ask("GET", address(f"{self._places.api}/{path}", query), reach)
        fields = fields_of(answer)
        if answer.status != 200 or not fields:
            raise Unavailable("provider", detail=f"WeCom {path}: status {answer.status}, or no JSON object")
        code = fields.get("errcode", 0)
        if isinstance(code, bool) or not isinstance(code, int):
            raise Unavailable("provider", detail=f"WeCom {path}: an errcode that is none")
        if code:
            raise _ErrorCode(path, code)
        return fields


def _settings(system: UserSystem) -> WechatSettings:
    assert isinstance(system.settings, WechatSettings)
    return system.settings
