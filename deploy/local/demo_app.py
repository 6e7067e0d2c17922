"""The demo app: a web server that logs people on, as small as one can be. It listens on this machine alone.

It is the demo's WebServer app: it sends browsers to the gateway, redeems the code that they come back with by its
secret and shows who is logged on. What it awaits stands in a cookie of the browser, and nothing in memory.
"""

import base64
import hashlib
import hmac
import html
import http.server
import json
import secrets
import threading
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import jwt

from deploy.local.demo import Demo
from deploy.local.errors import CannotRun
from services.runtime.env import Address

_COOKIE = "demo-app"
_TIMEOUT_SECONDS = 30
_POLL_SECONDS = 0.1
_STYLE = """
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; }
.button { display: inline-block; padding: 0.6rem 1.4rem; border-radius: 0.5rem; background: #1f5fd0; color: #fff;
  font-weight: 600; text-decoration: none; }
pre { padding: 1rem; border: 1px solid #8886; border-radius: 0.5rem; overflow-x: auto; }
nav { display: flex; flex-wrap: wrap; gap: 1.25rem; margin-top: 2rem; }
"""


class DemoApp:
    """The app, from `start` to `stop`.

    Args:
        address: where it listens; the app's redirect URI is there.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self, demo: Demo) -> None:
        """Serve, in threads of its own. Raises `CannotRun`: somebody else listens there."""

        class Handler(_Handler):
            pass

        Handler.demo = demo
        try:
            self._server = http.server.ThreadingHTTPServer((self._address.host, self._address.port), Handler)
        except OSError as error:
            raise CannotRun(f"cannot listen on {self._address}: {error.strerror}; TESSERA_APP_PORT moves it") from error
        threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()

    def stop(self) -> None:
        """Serve no more, where it does."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(http.server.BaseHTTPRequestHandler):
    demo: Demo
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Answer a page."""
        url = urlsplit(self.path)
        match url.path:
            case "/":
                self._page("You are not logged on.")
            case "/log-on":
                self._leave()
            case "/callback":
                self._come_back({name: values[0] for name, values in parse_qs(url.query).items()})
            case _:
                self._page("There is no such page.", status=404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Say nothing: the terminal is the services'."""

    def _leave(self) -> None:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.demo.client_id,
            "redirect_uri": self.demo.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        self.send_response(303)
        self.send_header("location", f"{self.demo.gateway}/v2/oauth/authorize?{urlencode(asked)}")
        self._keep(f"{state}.{nonce}.{verifier}")
        self.end_headers()

    def _come_back(self, told: Mapping[str, str]) -> None:
        state, nonce, verifier = self._kept()
        # Whoever was sent here by somebody else's link is logged on as nobody (RFC 9700 section 4.7).
        if not state or not hmac.compare_digest(told.get("state", "").encode(), state.encode()):
            self._page(
                "This is not the answer to a logon that was begun in this browser, or was shown before.", status=400
            )
        elif "code" not in told:
            self._page(f"You were not logged on: {told.get('error_description') or told.get('error', '')}.", status=400)
        else:
            try:
                token = self.demo.redeem(told["code"], verifier)
                claims = self.demo.claims(token["id_token"], nonce)
            except (CannotRun, jwt.PyJWTError) as error:
                self._page(f"You were not logged on: {error}", status=502)
            else:
                facts = {"Who you are, by the ID token": claims, "The token": _shortened(token)}
                self._page("You are logged on.", facts)

    def _kept(self) -> tuple[str, str, str]:
        try:
            kept = SimpleCookie(self.headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            kept = None
        parts = kept.value.split(".") if kept else []
        return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")

    def _keep(self, value: str) -> None:
        age = "" if value else "; Max-Age=0"
        self.send_header("set-cookie", f"{_COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{age}")

    def _page(self, text: str, facts: Mapping[str, Mapping[str, Any]] | None = None, *, status: int = 200) -> None:
        shown = "".join(
            f"<h2>{html.escape(name)}</h2><pre>{html.escape(json.dumps(fact, indent=2, ensure_ascii=False))}</pre>"
            for name, fact in (facts or {}).items()
        )
        # Where the answer comes: `localhost` would keep the cookie from there.
        log_on = urljoin(self.demo.redirect_uri, "/log-on")
        account = f"{self.demo.gateway}/logon/account?{urlencode({'client_id': self.demo.client_id})}"
        body = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Demo app</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{_STYLE}</style></head><body><main><h1>Demo app</h1><p>{html.escape(text)}</p>"
            f'<p><a class="button" href="{html.escape(log_on)}">Log on{" again" if facts else ""}</a></p>{shown}'
            f'<nav><a href="{html.escape(account)}">Your account</a>'
            f'<a href="{html.escape(self.demo.gateway)}/logon/inbox">Codes that were sent</a></nav>'
            "</main></body></html>"
        ).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        # The code stands in this page's address.
        self.send_header("referrer-policy", "no-referrer")
        self._keep("")
        self.end_headers()
        self.wfile.write(body)


def _shortened(token: Mapping[str, Any]) -> dict[str, Any]:
    """A token without most of what lets its bearer in."""
    secret = ("access_token", "refresh_token", "id_token")
    return {name: f"{value[:12]}…" if name in secret and value else value for name, value in token.items()}
