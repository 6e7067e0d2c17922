"""DingTalk, as its documents have it: the page of its logon, and the three calls of its API that a logon has.

`{code, message}` with status 400 or 403 are its errors. How a wrong secret is answered is documented for `accessToken`
alone; that `userAccessToken` says it in the same words, before it looks at the code, is assumed.
"""

import itertools
import uuid
from dataclasses import dataclass, field

from services.account.connectors.ding import Places
from tests.support.standins import Asked, Deviation, Reply, StandIn, json_of, reply, sent_to

USER_ACCESS_TOKEN = "/v1.0/oauth2/userAccessToken"
ACCESS_TOKEN = "/v1.0/oauth2/accessToken"
ME = "/v1.0/contact/users/me"


@dataclass
class Person:
    """Who logs on, and what `contact/users/me` says of whom."""

    union_id: str = "liSii8KCxxxxx7iPM2NVbrAiEiE"
    nick: str = "张三"
    avatar_url: str = "https://static-legacy.dingtalk.com/media/xxx.jpg"
    further: dict[str, object] = field(default_factory=dict)


@dataclass
class App:
    """An app, and whether it may read what `contact/users/me` says."""

    secret: str
    redirect_uri: str = "https://tessera.test/v2/oauth/callback"
    may_read: bool = True


class DingTalk(StandIn):
    """The stand-in."""

    def __init__(self) -> None:
        super().__init__()
        self.apps = {"dingapp1": App("ding-secret-1")}
        # By code, and by token: of which app, in which corporation, who.
        self._codes: dict[str, tuple[str, str, Person]] = {}
        self._tokens: dict[str, tuple[App, Person]] = {}
        self._numbers = itertools.count(1)

    @property
    def places(self) -> Places:
        """Where it is."""
        return Places(f"{self.address}/oauth2/auth", self.address)

    def consent(self, url: str, person: Person | None, corp_id: str = "") -> dict[str, str]:
        """What a browser that was sent to the page brings back, where the person consents; `None`: nobody does."""
        query = sent_to(
            url, self.places.login, "redirect_uri", "response_type", "client_id", "scope", "state", "prompt"
        )
        app = self.apps[query["client_id"]]
        if query["redirect_uri"] != app.redirect_uri:
            raise Deviation(f"redirect_uri {query['redirect_uri']}")
        fixed = {"response_type": "code", "scope": "openid corpid", "prompt": "consent"}
        if any(query[name] != value for name, value in fixed.items()):
            raise Deviation(f"{query}")
        if person is None:
            return {"error": "access_denied", "state": query["state"]}
        code = uuid.uuid4().hex
        self._codes[code] = (query["client_id"], corp_id, person)
        return {"authCode": code, "state": query["state"]}

    def answer(self, asked: Asked) -> Reply:
        if asked.query:
            raise Deviation("a query")
        match asked.method, asked.path:
            case "POST", "/v1.0/oauth2/userAccessToken":
                return self._user_access_token(asked)
            case "POST", "/v1.0/oauth2/accessToken":
                return self._access_token(asked)
            case "GET", "/v1.0/contact/users/me":
                return self._me(asked)
        raise Deviation("no such call")

    def _user_access_token(self, asked: Asked) -> Reply:
        fields = json_of(asked)
        if set(fields) != {"clientId", "clientSecret", "code", "grantType"}:
            raise Deviation(f"fields {sorted(fields)}")
        if fields["grantType"] != "authorization_code":
            raise Deviation(f"grantType {fields['grantType']}")
        app = self.apps.get(fields["clientId"])
        if app is None or fields["clientSecret"] != app.secret:
            return _wrong_client()
        found = self._codes.get(fields["code"])
        if found is None or found[0] != fields["clientId"]:
            return reply(
                400, requestid="F340FF76", code="invalidParameter.authCode.notFound", message="不合法的临时授权码"
            )
        del self._codes[fields["code"]]
        _, corp_id, person = found
        token = f"ding-token-{next(self._numbers)}"
        self._tokens[token] = (app, person)
        chosen = {"corpId": corp_id} if corp_id else {}
        return reply(accessToken=token, refreshToken=f"refresh-{token}", expireIn=7200, **chosen)

    def _access_token(self, asked: Asked) -> Reply:
        fields = json_of(asked)
        if set(fields) != {"appKey", "appSecret"}:
            raise Deviation(f"fields {sorted(fields)}")
        app = self.apps.get(fields["appKey"])
        if app is None or fields["appSecret"] != app.secret or fields["appKey"].startswith("suite"):
            return _wrong_client()
        return reply(accessToken="app-token", expireIn=7200)

    def _me(self, asked: Asked) -> Reply:
        if asked.body or "authorization" in asked.headers:
            raise Deviation("a body, or authorization")
        found = self._tokens.get(asked.headers.get("x-acs-dingtalk-access-token", ""))
        if found is None:
            return reply(400, requestid="30EE8654", code="InvalidAuthentication", message="不合法的access_token")
        app, person = found
        if not app.may_read:
            return reply(
                403,
                requestid="019F419C",
                code="Forbidden.AccessDenied.AccessTokenPermissionDenied",
                message="应用尚未开通所需的权限:[Contact.User.Read]",
                accessdenieddetail={"requiredScopes": ["Contact.User.Read"]},
            )
        usual = {
            "nick": person.nick,
            "avatarUrl": person.avatar_url,
            "mobile": "150xxxx9144",
            "openId": "123",
            "unionId": person.union_id,
            "email": "zhangsan@alibaba-inc.com",
            "stateCode": "86",
        }
        return reply(**(usual | person.further))


def _wrong_client() -> Reply:
    return reply(400, requestid="5E2A9D1C", code="invalidClientIdOrSecret", message="无效的clientId或者clientSecret")
