"""An OpenID provider that people log on by, which a test may have say anything: for what no good one would say."""

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.oidc import Asked, Provider

Answer = tuple[str, str, bytes]


class LogonProvider(Provider):
    """One whose people consent at once. It keeps to PKCE unless told otherwise, and asks clients for no secret."""

    def __init__(self) -> None:
        super().__init__()
        self.more_metadata: dict[str, Any] = {}
        # What ID tokens say beside or instead of the usual; `None`: not at all.
        self.changed: dict[str, Any] = {}
        # In place of the ID token, and beside all that is answered.
        self.id_token = ""
        self.beside: dict[str, Any] = {}
        self.checks_pkce = True
        self.redeemed: list[Asked] = []
        self._codes: dict[str, dict[str, str]] = {}

    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""
        endpoints = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        found = super().metadata() | endpoints | self.more_metadata
        return {name: value for name, value in found.items() if value is not None}

    def log_on(self, url: str) -> dict[str, str]:
        """What a browser comes back with that was sent to this URL."""
        asked = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        return {"code": code}

    def usual(self, asked: Asked) -> Answer:
        """Redeems codes, too."""
        if asked.path != "/token_endpoint":
            return super().usual(asked)
        self.redeemed.append(asked)
        form = asked.form()
        begun = self._codes.pop(form["code"], None)
        if begun is None or (self.checks_pkce and begun["code_challenge"] != challenge(form["code_verifier"])):
            return "400 Bad Request", "", b'{"error":"invalid_grant"}'
        claims = {"aud": begun["client_id"], "nonce": begun.get("nonce")} | self.changed
        answer = {
            "access_token": "an-access-token",
            "token_type": "Bearer",
            "id_token": self.id_token or self.token(**claims),
        }
        return "200 OK", "", json.dumps(answer | self.beside).encode()


def challenge(verifier: str) -> str:
    """RFC 7636 section 4.2, by S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
