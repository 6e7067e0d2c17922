"""An OpenID provider that is not ours: npm's oidc-provider, as a process of its own on loopback (docs/adr/0076)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin

import httpx
import pytest

from tests.support.ports import free_ports

_ROOT = Path(__file__).parents[2]
_MODULE = _ROOT / ".venv/browser/node_modules/oidc-provider/lib/index.js"

needs_provider = pytest.mark.skipif(not _MODULE.exists(), reason="oidc-provider is not installed: make .venv/.browser")

NAME, PASSWORD = "ada", "correct horse"


@dataclass(frozen=True)
class OpenIdProvider:
    """A provider that serves."""

    issuer: str

    async def log_on(self, url: str, name: str = NAME, action: str = "log on") -> dict[str, str]:
        """Follow a URL as a browser does, fill the form in, and answer the query with which it leaves for elsewhere."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(url)
            while (target := answer.headers.get("location")) is not None:
                target = urljoin(str(answer.url), target)
                if not target.startswith(self.issuer + "/"):
                    return dict(parse_qsl(httpx.URL(target).query.decode(), strict_parsing=True))
                answer = await browser.get(target)
                if answer.status_code == httpx.codes.OK:
                    form = {"name": name, "password": PASSWORD, "action": action}
                    answer = await browser.post(target, data=form)
        raise AssertionError(answer.text)


@asynccontextmanager
async def running_openid_provider(
    clients: Sequence[Mapping[str, Any]],
    *,
    port: int | None = None,
    methods: Sequence[str] = ("client_secret_basic", "client_secret_post", "none"),
    algorithm: str = "RS256",
    key_id: str = "k1",
) -> AsyncIterator[OpenIdProvider]:
    """Run it.

    Args:
        clients: as oidc-provider has them.
        port: where; else anywhere.
        methods: by which clients may prove themselves there.
        algorithm: RS256 or ES256.
        key_id: of its key, which is made anew.
    """
    port = port or free_ports(1)[0]
    options = {
        "module": str(_MODULE),
        "port": port,
        "clients": clients,
        "clientAuthMethods": methods,
        "algorithm": algorithm,
        "kid": key_id,
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        _ROOT / "tests/browser/oidc/server.mjs",
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            # What it has to say first is for who runs it in production.
            while (line := await process.stdout.readline()) != b"serving\n":
                assert line
        yield OpenIdProvider(f"http://127.0.0.1:{port}")
    finally:
        process.stdin.close()
        await process.wait()
