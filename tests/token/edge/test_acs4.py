"""ACS4-HMAC-SHA256: everything is covered, in an odd way."""

from collections.abc import Callable

import pytest

from tests.support import signatures
from tests.support.token import Running
from tests.support.token_client import TokenClient
from tests.token.edge.checking import LINK, Key, Sent, behind_nonce, make_key, outcome
from tests.token.edge.test_acs import date

BODY = b'{"user_id":"u"}'
PASSED = "passed"
WRONG = "401 SIGNATURE_REFUSED"
INCOMPLETE = "400 SIGNATURE_INCOMPLETE"
DIGEST = "400 DIGEST_MISMATCHED"


def sent(key: Key, body: bytes = BODY, **changed: str | None) -> Sent:
    return Sent("pds", LINK, signatures.acs4(key.id, key.secret, LINK, body, **changed), body)


def credential(request: Sent, old: str, new: str) -> Sent:
    header = request.headers["authorization"]
    assert old in header
    return request.with_headers(authorization=header.replace(old, new, 1))


SIGNED: dict[str, tuple[Callable[[Key], Sent], str]] = {
    "as the vendor's client": (sent, PASSED),
    "an empty body": (lambda k: sent(k, b""), PASSED),
    "bytes that are no text": (lambda k: sent(k, b"\xff\x00\n"), PASSED),
    "in another region": (
        lambda k: Sent("pds", LINK, signatures.acs4(k.id, k.secret, LINK, BODY, region="cn-beijing"), BODY),
        PASSED,
    ),
    "a query": (
        lambda k: Sent(
            "pds", LINK + "?b=&a=1%2B2", signatures.acs4(k.id, k.secret, LINK, BODY, query={"a": "1+2", "b": ""}), BODY
        ),
        PASSED,
    ),
    "a query with a line": (
        lambda k: Sent("pds", LINK + "?a=%0A", signatures.acs4(k.id, k.secret, LINK, BODY, query={"a": "\n"}), BODY),
        "400 REQUEST_MALFORMED",
    ),
    "without the digest's header": (lambda k: sent(k, x_acs_content_sha256=None), PASSED),
    "another digest": (lambda k: sent(k, x_acs_content_sha256="0" * 64), DIGEST),
    "no nonce": (lambda k: sent(k, x_acs_signature_nonce=None), "400 SIGNATURE_NONCE_MISSING"),
    "no date": (lambda k: sent(k, date=None), "400 TIMESTAMP_MISSING"),
    "15 minutes ago": (lambda k: sent(k, date=date(minutes=15, seconds=15)), "403 DATE_SKEWED"),
    "in 15 minutes": (lambda k: sent(k, date=date(minutes=-15, seconds=-15)), "403 DATE_SKEWED"),
    "a date of another form": (lambda k: sent(k, date="2026-11-26T00:00:00Z"), "400 TIMESTAMP_MALFORMED"),
    "a secret that is not its": (lambda k: sent(Key(k.id, k.secret[::-1])), WRONG),
    "a key of nobody": (lambda k: sent(Key("nobody", k.secret)), WRONG),
}


@pytest.mark.parametrize("case", SIGNED)
async def test_what_was_signed_so(service: Running, case: str) -> None:
    make, expected = SIGNED[case]
    assert await outcome(service, make(await make_key(service))) == expected


CHANGED: dict[str, tuple[Callable[[Sent], Sent], str]] = {
    "headers in another order": (lambda r: r.but(headers=dict(reversed(r.headers.items()))), PASSED),
    "the scheme in small letters": (lambda r: credential(r, "ACS4-HMAC-SHA256", "acs4-hmac-sha256"), PASSED),
    "another body": (lambda r: r.but(body=BODY + b" "), DIGEST),
    "another body and its digest": (
        lambda r: r.but(body=b"").with_headers(
            x_acs_content_sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        ),
        WRONG,
    ),
    "another method": (lambda r: r.but(method="GET"), WRONG),
    "another path": (lambda r: r.but(path="/v2/account/unlink"), WRONG),
    "the path escaped": (lambda r: r.but(path="/v2/account/%6Cink"), WRONG),
    "a query": (lambda r: r.but(path=LINK + "?a=1"), WRONG),
    "another accept": (lambda r: r.with_headers(accept="*/*"), WRONG),
    "another content type": (lambda r: r.with_headers(content_type="text/plain"), WRONG),
    "a digest that was not sent": (lambda r: r.with_headers(content_md5=""), DIGEST),
    "another time of the day": (lambda r: r.with_headers(date=date(seconds=9)), WRONG),
    "another nonce": (lambda r: r.with_headers(x_acs_signature_nonce="x"), WRONG),
    "a blank behind the nonce": (lambda r: behind_nonce(r, " "), WRONG),
    "a blank of Unicode behind it": (lambda r: behind_nonce(r, "\u00a0"), WRONG),
    "another action": (lambda r: r.with_headers(x_acs_action="x"), WRONG),
    "a further header of the vendor's": (lambda r: r.with_headers(x_acs_user="x"), INCOMPLETE),
    "one that is listed and not sent": (lambda r: r.with_headers(x_acs_version=None), INCOMPLETE),
    "one of the list less": (lambda r: credential(r, "x-acs-action;", ""), INCOMPLETE),
    "the list in another order": (
        lambda r: credential(r, "x-acs-action;x-acs-content-sha256", "x-acs-content-sha256;x-acs-action"),
        INCOMPLETE,
    ),
    "another day in the credential": (lambda r: credential(r, r.headers["date"][:10], "Thu, 01 Ja"), INCOMPLETE),
    "an ISO day in the credential": (lambda r: credential(r, r.headers["date"][:10], "2026-11-26"), INCOMPLETE),
    "another region": (lambda r: credential(r, "/center/", "/admin/"), WRONG),
    "another product": (lambda r: credential(r, "/pds/", "/oss/"), INCOMPLETE),
    "another end of the scope": (lambda r: credential(r, "aliyun_v4_request", "aws4_request"), INCOMPLETE),
    "another algorithm": (lambda r: credential(r, "ACS4-HMAC-SHA256", "ACS4-HMAC-SM3"), "401 UNAUTHENTICATED"),
    "the signature in capitals": (
        lambda r: credential(r, r.headers["authorization"][-64:], r.headers["authorization"][-64:].upper()),
        INCOMPLETE,
    ),
    "the signature cut": (lambda r: r.with_headers(authorization=r.headers["authorization"][:-1]), INCOMPLETE),
    "blanks after the commas": (lambda r: credential(r, ",SignedHeaders", ", SignedHeaders"), INCOMPLETE),
    "two credentials": (
        lambda r: r.with_headers(authorization=f"{r.headers['authorization']},{r.headers['authorization']}"),
        INCOMPLETE,
    ),
    "on a surface without it": (lambda r: r.but(surface="rpc"), "401 UNAUTHENTICATED"),
}


@pytest.mark.parametrize("case", CHANGED)
async def test_what_was_changed_on_the_way(service: Running, case: str) -> None:
    change, expected = CHANGED[case]
    assert await outcome(service, change(sent(await make_key(service)))) == expected


async def test_it_is_good_once(service: Running) -> None:
    request = sent(await make_key(service))
    assert [await outcome(service, request) for _ in range(2)] == [PASSED, "403 NONCE_REPEATED"]


async def test_another_domains_key_and_host(service: Running, tenant: TokenClient) -> None:
    theirs, ours = await make_key(tenant), await make_key(service)
    assert await outcome(service, sent(theirs).but(host="bj1.api.example.net")) == WRONG
    assert await outcome(service, sent(ours).but(host="tenant.example.com")) == WRONG
    assert await outcome(service, sent(theirs).but(host="tenant.example.com")) == PASSED
