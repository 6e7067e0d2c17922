"""WeCom, as its documents have it: the pages of its logon, and the three calls of its API that we make.

Whatever happened is answered with HTTP 200; `errcode` says it. The same access token is answered for as long as it
holds. How a code of another of the corporation's apps is answered is told in two ways: 40029 is what is done here.
"""

import re
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.account.connectors.wechat import Places
from tests.support.standins import Asked, Deviation, Reply, StandIn, once, reply, sent_to

GETTOKEN = "/cgi-bin/gettoken"
GETUSERINFO = "/cgi-bin/auth/getuserinfo"
AGENT = "/cgi-bin/agent/get"
_STATE = re.compile(r"[A-Za-z0-9]{1,128}")


@dataclass
class App:
    """An app of a corporation, and the only domain that may have its codes."""

    corp_id: str
    agent_id: str
    secret: str
    domain: str = "tessera.test"


class WeCom(StandIn):
    """The stand-in."""

    def __init__(self) -> None:
        super().__init__()
        self.apps = [
            App("ww1111", "1000002", "wecom-secret-1"),
            App("ww1111", "1000003", "wecom-secret-2"),
            App("ww2222", "1000002", "wecom-secret-3"),
        ]
        self.expires_in = 7200
        # Whether it takes calls from here only for tokens.
        self.not_trusted_here = False
        # By code: of which app, what is said of whom.
        self._codes: dict[str, tuple[App, dict[str, object]]] = {}
        # By secret of an app: the token that holds. By token: of which app, and whether it ended.
        self._holding: dict[str, str] = {}
        self._tokens: dict[str, tuple[App, int]] = {}

    @property
    def places(self) -> Places:
        """Where it is."""
        return Places(
            f"{self.address}/wwlogin/sso/login", f"{self.address}/connect/oauth2/authorize", f"{self.address}/cgi-bin"
        )

    @property
    def tokens(self) -> list[str]:
        """All that it ever gave."""
        return list(self._tokens)

    def end_tokens(self, errcode: int) -> None:
        """Have those it gave end: 40014 or 42001 is what is said of them."""
        self._holding.clear()
        self._tokens = {token: (app, errcode) for token, (app, _) in self._tokens.items()}

    def scan(self, url: str, **who: object) -> dict[str, str]:
        """What a browser on a desktop brings back, after the person has scanned the code; of whom this is said."""
        query = sent_to(url, self.places.desktop, "login_type", "appid", "agentid", "redirect_uri", "state")
        if query["login_type"] != "CorpApp" or urlsplit(url).fragment:
            raise Deviation(url)
        return self._code(query, who)

    def open_in_app(self, url: str, **who: object) -> dict[str, str]:
        """What the browser in WeCom's app brings back, which asks nobody; of whom this is said."""
        query = sent_to(url, self.places.in_app, "appid", "redirect_uri", "response_type", "scope", "state", "agentid")
        if query["response_type"] != "code" or query["scope"] != "snsapi_base":
            raise Deviation(url)
        if urlsplit(url).fragment != "wechat_redirect":
            raise Deviation("no #wechat_redirect")
        return self._code(query, who)

    def _code(self, query: dict[str, str], who: dict[str, object]) -> dict[str, str]:
        if not _STATE.fullmatch(query["state"]):
            raise Deviation(f"state {query['state']}")
        app = next(each for each in self.apps if (each.corp_id, each.agent_id) == (query["appid"], query["agentid"]))
        if urlsplit(query["redirect_uri"]).netloc != app.domain:
            raise Deviation(f"redirect_uri {query['redirect_uri']}")
        code = uuid.uuid4().hex
        self._codes[code] = (app, who)
        return {"code": code, "state": query["state"]}

    def answer(self, asked: Asked) -> Reply:
        if asked.method != "GET" or asked.body:
            raise Deviation(asked.method)
        if asked.path == GETTOKEN:
            return self._gettoken(**once(asked.query, "corpid", "corpsecret"))
        if asked.path == GETUSERINFO:
            query = once(asked.query, "access_token", "code")
            return self._called(query["access_token"]) or self._getuserinfo(query["access_token"], query["code"])
        if asked.path == AGENT:
            query = once(asked.query, "access_token", "agentid")
            return self._called(query["access_token"]) or self._agent(query["access_token"], query["agentid"])
        raise Deviation("no such call")

    def _gettoken(self, corpid: str, corpsecret: str) -> Reply:
        if corpid not in {each.corp_id for each in self.apps}:
            return error(40013, "invalid corpid")
        app = next((each for each in self.apps if each.secret == corpsecret), None)
        if app is None:
            return error(40001, "invalid credential")
        if app.corp_id != corpid:
            return error(40091, "invalid secret")
        token = self._holding.setdefault(corpsecret, f"wecom-token-{uuid.uuid4().hex}")
        self._tokens[token] = (app, 0)
        return reply(errcode=0, errmsg="ok", access_token=token, expires_in=self.expires_in)

    def _called(self, token: str) -> Reply | None:
        """What is said of every call but the first; `None`: nothing."""
        if token not in self._tokens:
            return error(40014, "invalid access_token")
        if ended := self._tokens[token][1]:
            return error(ended, "access_token expired" if ended == 42001 else "invalid access_token")
        return error(60020, "not allow to access from your ip") if self.not_trusted_here else None

    def _getuserinfo(self, token: str, code: str) -> Reply:
        app, who = self._codes.get(code, (None, {}))
        if app is not self._tokens[token][0]:
            return error(40029, "invalid code")
        del self._codes[code]
        return reply(errcode=0, errmsg="ok", **who)

    def _agent(self, token: str, agent_id: str) -> Reply:
        if self._tokens[token][0].agent_id != agent_id:
            return error(301002, "not allow operate another agent with this accesstoken")
        return reply(errcode=0, errmsg="ok", agentid=int(agent_id), name="Drive", close=0)


def error(errcode: int, errmsg: str) -> Reply:
    """An error, in its many words."""
    hint = "hint: [1636595021_160_5276110d0b3478bd61b7d5de8e47e0ee], from ip: 203.0.113.7"
    more = f"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    return reply(errcode=errcode, errmsg=f"{errmsg}, {hint}, {more}")
