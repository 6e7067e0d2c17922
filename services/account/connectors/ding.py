"""DingTalk (`ding`): OAuth 2 in its own spelling: a code comes as `authCode`, and requests are JSON.

Source: DingTalk's "Obtain the access credential of a signed-in user" and "Get the contact information of a user".
DingTalk has no PKCE and no nonce: a code is bound to the browser by `state`, and to the app by its secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.account.connectors import Kept, Proven, Wish
from services.account.connectors.answers import address, ask, code_of, fields_of, in_time, visible
from services.account.connectors.strangers import error_code, name_of, picture_of
from services.account.errors import LogonRefused
from services.account.model import normalise
from services.account.model.user_systems import DingSettings, UserSystem
from services.account.providers.fetch import Answer, Reach
from services.account.providers.names import Names
from services.runtime.errors import Unavailable

_MAX_TOKEN_CHARS = 2048
_MAX_ID_CHARS = 120
_NO_SUCH_CODE = "invalidParameter.authCode.notFound"
_WRONG_CLIENT = "invalidClientIdOrSecret"
# Nobody was ever given it.
_NOBODYS_CODE = "0" * 32


@dataclass(frozen=True, slots=True)
class Places:
    """Where DingTalk is.

    Args:
        login: the page where people log on.
        api: what the paths of its API are below of.
    """

    login: str
    api: str


DINGTALK = Places("https://login.dingtalk.com/oauth2/auth", "https://api.dingtalk.com")


class Ding:
    """Proves members of corporations, as `Redirecting` says.

    Args:
        names: looks up where DingTalk is.
        places: where that is, but for tests.
    """

    def __init__(self, names: Names, places: Places = DINGTALK) -> None:
        self._names = names
        self._places = places

    async def leave(self, system: UserSystem, kept: Kept, redirect_uri: str, wish: Wish) -> str:
        """DingTalk's page, which offers a QR code, a password, or what its own app knows, as it sees fit.

        Nothing documented has it prove a person anew whom it knows.
        """
        del wish
        query = {
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "client_id": _settings(system).client_id,
            # With `corpid`, the person chooses a corporation, which comes with the token.
            "scope": "openid corpid",
            "state": kept.state,
            "prompt": "consent",
        }
        return address(self._places.login, query)

    async def come_back(self, system: UserSystem, kept: Kept, redirect_uri: str, answer: Mapping[str, str]) -> Proven:
        """Whom it has proven: a member of a corporation. The identity is `{corpId}:{unionId}`."""
        del kept, redirect_uri
        settings = _settings(system)
        async with in_time():
            token, corp_id = await self._token(system, code_of(answer, "authCode"))
            if not corp_id:
                raise LogonRefused("not_a_member", detail="no corporation was chosen")
            if not settings.any_corp and corp_id not in settings.corp_ids:
                raise LogonRefused("not_a_member", detail=f"corporation {corp_id}")
            return await self._person(system, token, corp_id)

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong. Whether the redirect URL is registered with DingTalk cannot be seen from here."""
        if not system.secret:
            return ["The client secret is missing."]
        try:
            return await self._wrong_credentials(system)
        except Unavailable as error:
            return [f"DingTalk gives no answer: {error.detail}."]

    async def _token(self, system: UserSystem, code: str) -> tuple[str, str]:
        """An access token of the person, and the corporation that was chosen; empty: none."""
        answer = await self._redeem(system, code)
        fields = fields_of(answer)
        if _fault(answer) == _NO_SUCH_CODE:
            raise LogonRefused("refused", detail=_NO_SUCH_CODE)
        token = visible(fields.get("accessToken"), _MAX_TOKEN_CHARS)
        corp_id = fields.get("corpId") or ""
        if _fault(answer) or not token or not _is_corp_id(corp_id):
            raise _odd("userAccessToken", answer)
        return token, corp_id

    async def _person(self, system: UserSystem, token: str, corp_id: str) -> Proven:
        answer = await ask(
            "GET",
            f"{self._places.api}/v1.0/contact/users/me",
            self._reach(system),
            headers={"x-acs-dingtalk-access-token": token},
        )
        fields = fields_of(answer)
        union_id = visible(fields.get("unionId"), _MAX_ID_CHARS)
        if _fault(answer) or not union_id:
            raise _odd("contact/users/me", answer)
        return Proven(
            normalise("ding", f"{corp_id}:{union_id}"),
            name_of(fields.get("nick")),
            picture_of(fields.get("avatarUrl")),
        )

    async def _wrong_credentials(self, system: UserSystem) -> list[str]:
        client_id = _settings(system).client_id
        # That an app's own token is refused for a wrong secret is documented, but apps of vendors, whose id is a
        # SuiteKey, have none. Whether the secret or the code is looked at first, where a person's is asked for, is not.
        if not client_id.startswith("suite"):
            answer = await ask(
                "POST",
                f"{self._places.api}/v1.0/oauth2/accessToken",
                self._reach(system),
                json={"appKey": client_id, "appSecret": system.secret},
            )
            if fault := _fault(answer):
                return [_said_of(fault)]
        fault = _fault(await self._redeem(system, _NOBODYS_CODE))
        return [] if fault == _NO_SUCH_CODE else [_said_of(fault)]

    async def _redeem(self, system: UserSystem, code: str) -> Answer:
        return await ask(
            "POST",
            f"{self._places.api}/v1.0/oauth2/userAccessToken",
            self._reach(system),
            json={
                "clientId": _settings(system).client_id,
                "clientSecret": system.secret,
                "code": code,
                "grantType": "authorization_code",
            },
        )

    def _reach(self, system: UserSystem) -> Reach:
        return Reach(self._names, system.domain_id, system.private_addresses)


def _settings(system: UserSystem) -> DingSettings:
    assert isinstance(system.settings, DingSettings)
    return system.settings


def _is_corp_id(value: object) -> bool:
    """Whether it is a corporation's id, or empty. The colon ends it in an identity."""
    return value == "" or (visible(value, _MAX_ID_CHARS) is not None and ":" not in str(value))


def _fault(answer: Answer) -> str:
    """The code of the error that was answered; empty: none. DingTalk's older interfaces answer 200 with `errcode`."""
    fields = fields_of(answer)
    if code := fields.get("code") or fields.get("errcode"):
        return error_code(code)
    return "" if answer.status == 200 and fields else f"status {answer.status}"


def _said_of(fault: str) -> str:
    if fault == _WRONG_CLIENT:
        return "DingTalk knows no app of this client id and client secret."
    return f"DingTalk does not answer a test as documented: {fault or 'no error'}."


def _odd(what: str, answer: Answer) -> Unavailable:
    return Unavailable("provider", detail=f"DingTalk {what}: {_fault(answer) or 'not as documented'}")
