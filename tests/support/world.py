"""A whole running Tessera, as `make run` starts it, seen from outside."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import jwt

from tests.support.calls import bearer

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class World:
    """Where things are, and what the demo's people hold.

    Args:
        gateway: base URL.
        demo: content of demo.json.
        grpc: address of each service.
    """

    gateway: str
    demo: Mapping[str, Any]
    grpc: Mapping[str, str]

    def http(self) -> httpx.AsyncClient:
        """A client of the gateway, as a stranger."""
        return httpx.AsyncClient(base_url=self.gateway, timeout=20)

    def channel(self, service: str) -> grpc.aio.Channel:
        """A channel to a service, as an internal caller."""
        return grpc.aio.insecure_channel(self.grpc[service])

    def assertion(self, **changed: Any) -> str:
        """A fresh assertion of the demo's JWT app for the demo's user."""
        now = int(time.time())
        claims = {
            "iss": self.demo["jwt_client_id"],
            "sub": self.demo["user_id"],
            "sub_type": "user",
            "aud": self.demo["domain_id"],
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode(claims | changed, self.demo["jwt_private_key_pem"], "RS256")

    def by_assertion(self, **changed: Any) -> dict[str, str]:
        """Parameters of a jwt-bearer grant."""
        return {
            "grant_type": JWT_BEARER,
            "client_id": self.demo["jwt_client_id"],
            "assertion": self.assertion(**changed),
        }

    def by_secret(self, **further: str) -> dict[str, str]:
        """Parameters of a client_credentials grant of the demo's web server."""
        credentials = {"client_id": self.demo["client_id"], "client_secret": self.demo["client_secret"]}
        return {"grant_type": "client_credentials", **credentials, **further}

    def push(self) -> httpx.BasicAuth:
        """The demo's push app."""
        return httpx.BasicAuth(str(self.demo["push_access_id"]), self.demo["push_secret_key"])

    async def bearer(self, http: httpx.AsyncClient, **further: str) -> dict[str, str]:
        """Headers of the demo's web server, by a token of its own."""
        answer = await http.post("/v2/oauth/token", data=self.by_secret(**further))
        assert answer.status_code == 200, answer.text
        return dict(bearer(answer.json()["access_token"]))
