"""The headers AccessId, TimeStamp and Sign of push backends."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support import signatures
from tests.support.token import Running
from tests.support.token_client import TokenClient, basic
from tests.token.edge.checking import Sent, check, claims, message, outcome

BODY = b'{"operator_type": 4, "token_list": ["\xe4\xb8\xad"] }'
BATCH = "/v3/device/account/batchoperate"
PASSED = "passed"
REFUSED = "401 UNAUTHENTICATED"

PushApp = admin_pb2.CreatePushAppResponse


def sent(app: PushApp, body: bytes = BODY, seconds: int | str | None = None) -> Sent:
    return Sent("tpns", BATCH, signatures.sign(app.access_id, app.secret_key, body, seconds), body)


def forged(app: PushApp, make: Callable[[bytes, bytes], str]) -> Sent:
    """Signed by what `make` makes of secret and text."""
    seconds = str(int(time.time()))
    made = make(app.secret_key.encode(), f"{seconds}{app.access_id}".encode() + BODY)
    return Sent("tpns", BATCH, {"accessid": str(app.access_id), "timestamp": seconds, "sign": made}, BODY)


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


SIGNED: dict[str, tuple[Callable[[PushApp], Sent], str]] = {
    "as the vendor's page": (sent, PASSED),
    "an empty body": (lambda a: sent(a, b""), PASSED),
    "bytes that are no text": (lambda a: sent(a, b"\xff\x00"), PASSED),
    "590 seconds ago": (lambda a: sent(a, seconds=ago(590)), PASSED),
    "in 590 seconds": (lambda a: sent(a, seconds=ago(-590)), PASSED),
    "610 seconds ago": (lambda a: sent(a, seconds=ago(610)), REFUSED),
    "in 610 seconds": (lambda a: sent(a, seconds=ago(-610)), REFUSED),
    "milliseconds": (lambda a: sent(a, seconds=ago(0) * 1000), REFUSED),
    "no number": (lambda a: sent(a, seconds="now"), REFUSED),
    "a number of another script": (lambda a: sent(a, seconds="\u0661" * 10), REFUSED),
    "no time": (lambda a: sent(a, seconds=""), REFUSED),
    "a time before all": (lambda a: sent(a, seconds="-1"), REFUSED),
    "the digest itself in base64": (
        lambda a: forged(a, lambda k, t: base64.b64encode(hmac.digest(k, t, "sha256")).decode()),
        REFUSED,
    ),
    "the digest in hexadecimal": (lambda a: forged(a, lambda k, t: hmac.digest(k, t, "sha256").hex()), REFUSED),
    "in capitals": (
        lambda a: forged(a, lambda k, t: base64.b64encode(hmac.digest(k, t, "sha256").hex().upper().encode()).decode()),
        REFUSED,
    ),
    "key and text changed about": (
        lambda a: forged(a, lambda k, t: base64.b64encode(hmac.digest(t, k, "sha256").hex().encode()).decode()),
        REFUSED,
    ),
    "no key": (
        lambda a: forged(a, lambda _, t: base64.b64encode(hashlib.sha256(t).hexdigest().encode()).decode()),
        REFUSED,
    ),
}


@pytest.mark.parametrize("case", SIGNED)
async def test_what_was_signed_so(service: Running, case: str) -> None:
    make, expected = SIGNED[case]
    assert await outcome(service, make(await service.push_app())) == expected


CHANGED: dict[str, tuple[Callable[[Sent], Sent], str]] = {
    "headers in another order": (lambda r: r.but(headers=dict(reversed(r.headers.items()))), PASSED),
    "another content type": (lambda r: r.with_headers(content_type="text/plain"), PASSED),
    # Not covered by the vendor's scheme.
    "another path": (lambda r: r.but(path="/v3/device/account/query"), PASSED),
    "another body": (lambda r: r.but(body=BODY.replace(b"4", b"5")), REFUSED),
    "a blank more": (lambda r: r.but(body=BODY + b" "), REFUSED),
    "the body escaped otherwise": (lambda r: r.but(body=BODY.replace("中".encode(), b"\\u4e2d")), REFUSED),
    "another time": (lambda r: r.with_headers(timestamp=str(ago(5))), REFUSED),
    "the time as another number of the same value": (
        lambda r: r.with_headers(timestamp="0" + r.headers["timestamp"]),
        REFUSED,
    ),
    "a digit moved from the id to the time": (
        lambda r: r.with_headers(
            timestamp=r.headers["timestamp"] + r.headers["accessid"][:1], accessid=r.headers["accessid"][1:]
        ),
        REFUSED,
    ),
    "digits of the body moved to the id": (
        lambda r: r.with_headers(accessid=r.headers["accessid"] + "1").but(body=BODY[1:]),
        REFUSED,
    ),
    "no id": (lambda r: r.with_headers(accessid=None), REFUSED),
    "another id": (lambda r: r.with_headers(accessid="1"), REFUSED),
    "an id that is no number": (lambda r: r.with_headers(accessid="x"), REFUSED),
    "no time": (lambda r: r.with_headers(timestamp=None), REFUSED),
    "no signature": (lambda r: r.with_headers(sign=None), REFUSED),
    "an empty signature": (lambda r: r.with_headers(sign=""), REFUSED),
    "the signature in small letters": (lambda r: r.with_headers(sign=r.headers["sign"].lower()), REFUSED),
    "a blank at its end": (lambda r: r.with_headers(sign=r.headers["sign"] + " "), REFUSED),
    "the signature twice": (lambda r: r.with_headers(sign=f"{r.headers['sign']},{r.headers['sign']}"), REFUSED),
    "letters that are none of ASCII": (lambda r: r.with_headers(sign="é"), REFUSED),
    "a credential of another scheme, which counts": (lambda r: r.with_headers(authorization="Basic x"), REFUSED),
    "one that nobody takes": (lambda r: r.with_headers(authorization="acs a:b"), REFUSED),
    "on a surface without it": (lambda r: r.but(surface="pds"), REFUSED),
}


@pytest.mark.parametrize("case", CHANGED)
async def test_what_was_changed_on_the_way(service: Running, case: str) -> None:
    change, expected = CHANGED[case]
    assert await outcome(service, change(sent(await service.push_app()))) == expected


async def test_another_apps_secret_id_and_host(service: Running, tenant: TokenClient) -> None:
    ours, other, theirs = await service.push_app(), await service.push_app(), await tenant.push_app()
    mixed = PushApp(access_id=ours.access_id, secret_key=other.secret_key)
    assert await outcome(service, sent(mixed)) == REFUSED
    assert await outcome(service, sent(theirs)) == PASSED
    assert await outcome(service, sent(theirs).but(host="bj1.api.example.net")) == REFUSED


async def test_of_two_credentials_the_header_of_http_counts(service: Running) -> None:
    app = await service.push_app()
    both = sent(app).with_headers(sign="x", authorization=basic(str(app.access_id), app.secret_key))
    inside = claims(await check(service, both))
    assert inside["scheme"] == "basic"
    assert "signed" not in inside


async def test_nobody_is_told_why(service: Running) -> None:
    app = await service.push_app()
    answers = [await check(service, request) for request in (sent(app, seconds=ago(700)), sent(app).but(body=b"x"))]
    assert {message(answer) for answer in answers} == {"The credential is missing or not valid."}


async def test_when_and_by_what_it_was_signed_is_told_inside(service: Running) -> None:
    app = await service.push_app()
    seconds = ago(30)
    first, again = [claims(await check(service, sent(app, seconds=seconds))) for _ in range(2)]
    assert first["signed"] == again["signed"]
    assert first["signed"]["at"] == seconds
    assert datetime.fromtimestamp(first["signed"]["at"], UTC).timestamp() == seconds
    for different in (sent(app, seconds=seconds - 1), sent(app, BODY + b" ", seconds)):
        assert claims(await check(service, different))["signed"]["hash"] != first["signed"]["hash"]
    assert (first["scheme"], first["kind"], first["sub"]) == ("sign", "push_app", str(app.access_id))
