"""Alibaba Cloud's OAuth, as its documents have it, and no more: what deviates from them is a complaint, which fails.

Sources: help.aliyun.com/document_detail/93693.html (scopes), 93696 (web apps), 93697 (native apps), 93698 (OpenID
Connect). What they do not say, and what was seen elsewhere: `expires_in` is a text, an error code is
`redirect_uri_mismatch` where a redirect URI is not registered. Its own sample of an ID token is cut off after a header
that reads HS256, while its metadata say RS256.
"""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from services.account.connectors.ram import Site
from tests.support.logon_provider import challenge
from tests.support.oidc import Asked, Provider, new_key, serving

ISSUER = "https://oauth.aliyun.com"
_SCOPES = {"openid", "aliuid", "profile"}
_AUTHORIZE = {"client_id", "redirect_uri", "response_type", "scope", "access_type", "state", "prompt"}
# Of native apps. The last is OpenID Connect's own, and not in these documents.
_AUTHORIZE_MORE = {"code_challenge", "code_challenge_method", "nonce"}
_TOKEN = {"code", "client_id", "redirect_uri", "grant_type"}
_TOKEN_MORE = {"client_secret", "code_verifier"}


@dataclass
class Person:
    """Who is logged on there: a RAM user, unless made somebody else."""

    aid: str = "1234567890123456"
    uid: str = "2345678901234567"
    upn: str | None = "ada@example.onaliyun.com"
    login_name: str | None = None
    name: str | None = "王小明"


class Ram(Provider):
    """The site, whose people consent at once."""

    def __init__(self, client_id: str, client_secret: str, redirect_uri: str) -> None:
        super().__init__()
        self.keys = [new_key("RS256", "k1")]
        self.client_id, self.client_secret, self.redirect_uri = client_id, client_secret, redirect_uri
        self.person = Person()
        self.refuses = False
        self.echoes_nonce = False
        self.complaints: list[str] = []
        self.changed: dict[str, Any] = {}
        self.id_token = ""
        self._codes: dict[str, dict[str, str]] = {}
        self.address = ""

    @property
    def site(self) -> Site:
        """What the connector is to know of it."""
        here = self.address
        return Site(ISSUER, f"{here}/oauth2/v1/auth", f"{here}/v1/token", f"{here}/v1/keys")

    def usual(self, asked: Asked) -> tuple[str, str, bytes]:
        """Status, headers and body of the answer to a request."""
        if (asked.method, asked.path) == ("GET", "/oauth2/v1/auth"):
            return "302 Found", f"location: {self._authorized(asked.query)}\r\n", b""
        if (asked.method, asked.path) == ("POST", "/v1/token"):
            status, body = self._token(asked)
            return status, "content-type: application/json\r\n", json.dumps(body).encode()
        if (asked.method, asked.path) == ("GET", "/v1/keys"):
            return "200 OK", "", self.jwks().encode()
        self._complain(f"there is no {asked.method} {asked.path}")
        return "404 Not Found", "", b""

    def log_on(self, url: str) -> dict[str, str]:
        """What a browser comes back with that was sent to this URL."""
        assert url.startswith(f"{self.address}/oauth2/v1/auth?")
        return dict(parse_qsl(urlsplit(self._authorized(urlsplit(url).query)).query, strict_parsing=True))

    def _authorized(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        asked = dict(pairs)
        self._check(len(asked) == len(pairs), "a parameter stands twice")
        self._check_names(asked, _AUTHORIZE, _AUTHORIZE_MORE, {"client_id", "redirect_uri", "response_type"})
        self._check(asked.get("response_type") == "code", "response_type is code")
        self._check(set(asked.get("scope", "openid").split(" ")) <= _SCOPES, "there is no such scope")
        self._check(asked.get("access_type", "online") in ("online", "offline"), "access_type")
        self._check(asked.get("prompt", "admin_consent") == "admin_consent", "prompt")
        self._check(asked.get("code_challenge_method", "S256") in ("plain", "S256"), "code_challenge_method")
        self._check(asked.get("client_id") == self.client_id, "client_id is another app's")
        self._check(asked.get("redirect_uri") == self.redirect_uri, "redirect_uri is not registered")
        back = {"state": asked["state"]} if "state" in asked else {}
        if self.refuses:
            return f"{self.redirect_uri}?{urlencode({'error': 'access_denied', **back})}"
        code = secrets.token_hex(8).upper()
        self._codes[code] = asked
        return f"{self.redirect_uri}?{urlencode({'code': code, **back})}"

    def _token(self, asked: Asked) -> tuple[str, dict[str, Any]]:
        kind = asked.headers.get("content-type", "").partition(";")[0]
        self._check(kind == "application/x-www-form-urlencoded", f"content type {kind}")
        self._check(not asked.query, "parameters of the token endpoint stand in the form")
        self._check("authorization" not in asked.headers, "the secret stands in the form")
        form = asked.form()
        self._check_names(form, _TOKEN, _TOKEN_MORE, _TOKEN)
        self._check(form.get("grant_type") == "authorization_code", "grant_type")
        if form.get("client_id") != self.client_id or form.get("client_secret", "") != self.client_secret:
            return "400 Bad Request", {"error": "invalid_client", "error_description": "no such app"}
        # Good once, whatever becomes of it.
        begun = self._codes.pop(form["code"], None)
        if begun is None:
            return "400 Bad Request", {"error": "invalid_grant", "error_description": "no such code"}
        if form["redirect_uri"] != begun["redirect_uri"]:
            return "400 Bad Request", {"error": "redirect_uri_mismatch", "error_description": "another one"}
        if "code_challenge" in begun and challenge(form.get("code_verifier", "")) != begun["code_challenge"]:
            return "400 Bad Request", {"error": "invalid_grant", "error_description": "code_verifier"}
        answer = {
            "access_token": "eyJraWQiOiJrMTIzNCIsImVu",
            "token_type": "Bearer",
            "expires_in": "3600",
            "id_token": self.id_token or self._id_token(begun),
        }
        return "200 OK", answer

    def _id_token(self, begun: dict[str, str]) -> str:
        scopes = set(begun.get("scope", " ".join(_SCOPES)).split(" "))
        now, person = int(time.time()), self.person
        said: dict[str, Any] = {"iss": ISSUER, "aud": self.client_id, "sub": f"s-{person.uid}"}
        said |= {"iat": now, "exp": now + 3600}
        if "aliuid" in scopes:
            said |= {"aid": person.aid, "uid": person.uid}
        if "profile" in scopes:
            said |= {"name": person.name, "upn": person.upn, "login_name": person.login_name}
        if self.echoes_nonce:
            said["nonce"] = begun["nonce"]
        return self.token(**(said | self.changed))

    def _check_names(self, found: dict[str, str], known: set[str], more: set[str], needed: set[str]) -> None:
        self._check(found.keys() <= known | more, f"unknown: {sorted(found.keys() - known - more)}")
        self._check(found.keys() >= needed, f"missing: {sorted(needed - found.keys())}")
        self._check(all(found.values()), f"empty: {[name for name, value in found.items() if not value]}")

    def _check(self, holds: bool, text: str) -> None:
        if not holds:
            self._complain(text)

    def _complain(self, text: str) -> None:
        self.complaints.append(text)


@asynccontextmanager
async def running_ram(client_id: str, client_secret: str, redirect_uri: str) -> AsyncIterator[Ram]:
    """The site, while it serves. Fails where it was asked for what its documents do not have."""
    async with serving(Ram(client_id, client_secret, redirect_uri)) as ram:
        ram.address = ram.issuer
        yield ram
    assert ram.complaints == []
