"""The reference page at /docs. The services are away: what is answered here asks none of them."""

import dataclasses
import re
from pathlib import Path

import httpx
import pytest
import yaml

from gateway import docs
from gateway.config import GatewaySettings
from gateway.render import render
from services.runtime.env import SettingsError

SETTINGS = GatewaySettings(gateway_client_id="g", gateway_client_secret="s")
FILES = docs.files()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_each_file_is_answered_as_it_is(alone: httpx.Client, file: docs.File) -> None:
    answer = alone.get(file.path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, file.content_type)
    assert answer.content == file.source.read_bytes()
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    head = alone.head(file.path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


def test_the_page_needs_what_stands_beside_it_and_no_more(alone: httpx.Client) -> None:
    """Its policy allows neither an inline script nor anything from elsewhere."""
    text = alone.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"]+)"', text) + re.findall(r'url: "([^"]+)"', alone.get("/docs/page.js").text)
    assert {"/docs/swagger-ui.js", "/docs/page.js", "/docs/openapi.yaml"} <= set(named)
    assert set(named) - {"data:,"} <= {file.path for file in FILES}
    assert not re.search(r"<script>|<style|\son\w+=|style=", text)


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/../docs/nothing", "/docs/swagger-ui.js.map", "/docsx"])
def test_what_is_not_there_is_said_as_anywhere(alone: httpx.Client, path: str) -> None:
    answer = alone.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-security-policy" not in answer.headers


def test_it_is_only_to_be_read(alone: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert alone.request(method, "/docs").json()["code"] == "NotFound"


def test_every_documented_call_has_a_route(alone: httpx.Client) -> None:
    for path, verbs in yaml.safe_load(alone.get("/docs/openapi.yaml").text)["paths"].items():
        for verb in verbs:
            headers = {"authorization": "Bearer t"}
            answer = alone.request(verb, path.replace("{domain_id}", "bj1"), headers=headers)
            assert answer.status_code == (200 if path.startswith("/v3/") or path == "/healthz" else 503), (verb, path)


def test_it_can_be_turned_off() -> None:
    assert "/docs" in render(SETTINGS)
    assert "/docs" not in render(dataclasses.replace(SETTINGS, gateway_docs=False))


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docs, "_HERE", tmp_path / "gateway")
    with pytest.raises(SettingsError, match=r"TESSERA_GATEWAY_DOCS: No such file or directory: .*/page/index\.html"):
        render(SETTINGS)
    monkeypatch.setattr(docs, "_WHEEL", "no_such_wheel")
    with pytest.raises(SettingsError, match="TESSERA_GATEWAY_DOCS: Swagger UI is not installed"):
        render(SETTINGS)
