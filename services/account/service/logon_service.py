"""LogonService: hands what a browser sends to the application of the pages, and its answer back."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from google.api import httpbody_pb2
from starlette.types import Message, Scope
from tessera.account.v1 import logon_service_pb2_grpc

from services.account.pages.app import pages
from services.account.resources import Resources
from services.runtime.telemetry import request_id

# What a browser says and a page may look at. Metadata has much more.
_HEADERS = ("accept-language", "content-type", "cookie", "origin", "sec-fetch-site", "user-agent")
# HttpBody has the one, HTTP the other by itself.
_NOT_HANDED_ON = (b"content-type", b"content-length")


class LogonServicer(logon_service_pb2_grpc.LogonServiceServicer):
    """Pages, for browsers."""

    def __init__(self, resources: Resources) -> None:
        self._pages = pages(resources)

    async def GetPage(self, request: httpbody_pb2.HttpBody, context: Any) -> httpbody_pb2.HttpBody:
        """Answer a page."""
        return await self._answer("GET", request, context)

    async def PostPage(self, request: httpbody_pb2.HttpBody, context: Any) -> httpbody_pb2.HttpBody:
        """Take a form."""
        return await self._answer("POST", request, context)

    async def _answer(self, method: str, request: httpbody_pb2.HttpBody, context: Any) -> httpbody_pb2.HttpBody:
        came = [(name, value) for name, value in context.invocation_metadata() if isinstance(value, str)]
        # HTTP/2 lets a browser send each cookie by itself (RFC 9113 section 8.2.3).
        metadata = dict(came) | {"cookie": "; ".join(value for name, value in came if name == "cookie")}
        start: Message = {}
        body = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": request.data, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._pages(_scope(method, metadata, request.content_type), receive, send)
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"]]
        told = [pair for pair in headers if pair[0].encode() not in _NOT_HANDED_ON]
        await context.send_initial_metadata((("x-tessera-status", str(start["status"])), *told))
        return httpbody_pb2.HttpBody(content_type=dict(headers).get("content-type", ""), data=bytes(body))


def _scope(method: str, metadata: Mapping[str, str], content_type: str) -> Scope:
    """A request as ASGI has it."""
    path, _, query = metadata.get("x-tessera-target", "/").partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": metadata.get("x-forwarded-proto", "http"),
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": list(_headers(metadata, content_type)),
        "client": (metadata.get("x-tessera-peer", ""), 0),
        "server": None,
        "state": {"request_id": request_id()},
    }


def _headers(metadata: Mapping[str, str], content_type: str) -> Iterator[tuple[bytes, bytes]]:
    # Browsers send what they were given, in whatever letters.
    yield b"host", metadata.get("x-tessera-host", "").encode()
    known = dict(metadata) | {"content-type": content_type}
    for name in _HEADERS:
        if known.get(name):
            yield name.encode(), known[name].encode()
