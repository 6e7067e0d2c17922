"""ACS3-HMAC-SHA256: everything that is listed is covered, and what has a meaning must be listed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import signatures
from tests.support.token import Running
from tests.support.token_client import TokenClient
from tests.token.edge.checking import LINK, Key, Sent, behind_nonce, check, make_key, message, outcome, query

BODY = b'{"user_id":"u"}'
PASSED = "passed"
INCOMPLETE = "400 SIGNATURE_INCOMPLETE"
DIGEST = "400 DIGEST_MISMATCHED"
# What is not the signature, and what is too old, in the words of each surface.
WRONG = {"pds": "401 SIGNATURE_REFUSED", "rpc": "400 SIGNATURE_MISMATCHED"}
UNKNOWN = {"pds": "401 SIGNATURE_REFUSED", "rpc": "404 ACCESS_KEY_UNKNOWN"}
SKEWED = {"pds": "403 DATE_SKEWED", "rpc": "400 TIMESTAMP_EXPIRED"}
USED = {"pds": "403 NONCE_REPEATED", "rpc": "400 SIGNATURE_NONCE_USED"}
SURFACES = ("pds", "rpc")
FORM = "application/x-www-form-urlencoded"


def sent(key: Key, surface: str = "pds", body: bytes = BODY, **changed: Any) -> Sent:
    path, parameters = (LINK, {}) if surface == "pds" else ("/", {"Action": "DescribeOpenAccount"})
    if surface == "rpc":
        changed = {"x_acs_action": "DescribeOpenAccount"} | changed
    headers = signatures.acs3(key.id, key.secret, path, body, query=parameters, **changed)
    host = headers.pop("host")
    return Sent(surface, path + ("?" + query(parameters) if parameters else ""), headers, body, host=host)


def credential(request: Sent, old: str, new: str) -> Sent:
    header = request.headers["authorization"]
    assert old in header
    return request.with_headers(authorization=header.replace(old, new, 1))


Expected = str | dict[str, str]

SIGNED: dict[str, tuple[Callable[[Key, str], Sent], Expected]] = {
    "every header, as the vendor's client": (sent, PASSED),
    "without those that mean nothing here": (lambda k, s: sent(k, s, unsigned=("user-agent",)), PASSED),
    "no type of a body": (lambda k, s: sent(k, s, b"", content_type=None), PASSED),
    "not the host": (lambda k, s: sent(k, s, unsigned=("host",)), INCOMPLETE),
    "not the type of the body": (lambda k, s: sent(k, s, unsigned=("content-type",)), INCOMPLETE),
    "not a header of the vendor's": (lambda k, s: sent(k, s, unsigned=("x-acs-action",)), INCOMPLETE),
    "without the digest's header": (lambda k, s: sent(k, s, x_acs_content_sha256=None), PASSED),
    "another digest": (lambda k, s: sent(k, s, x_acs_content_sha256="0" * 64), DIGEST),
    "no nonce": (lambda k, s: sent(k, s, x_acs_signature_nonce=None), "400 SIGNATURE_NONCE_MISSING"),
    "no date": (lambda k, s: sent(k, s, x_acs_date=None), "400 TIMESTAMP_MISSING"),
    "14 minutes ago": (lambda k, s: sent(k, s, x_acs_date=signatures.iso_date(-885)), PASSED),
    "15 minutes ago": (lambda k, s: sent(k, s, x_acs_date=signatures.iso_date(-915)), SKEWED),
    "in 15 minutes": (lambda k, s: sent(k, s, x_acs_date=signatures.iso_date(915)), SKEWED),
    "a date of another form": (lambda k, s: sent(k, s, x_acs_date=signatures.http_date()), "400 TIMESTAMP_MALFORMED"),
    "a month that is none": (lambda k, s: sent(k, s, x_acs_date="2026-13-01T00:00:00Z"), "400 TIMESTAMP_MALFORMED"),
    "a secret that is not its": (lambda k, s: sent(Key(k.id, k.secret[::-1]), s), WRONG),
    "a key of nobody": (lambda k, s: sent(Key("nobody", k.secret), s), UNKNOWN),
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("case", SIGNED)
async def test_what_was_signed_so(service: Running, case: str, surface: str) -> None:
    make, expected = SIGNED[case]
    assert await outcome(service, make(await make_key(service), surface)) == _on(surface, expected)


def _on(surface: str, expected: Expected) -> str:
    return expected if isinstance(expected, str) else expected[surface]


CHANGED: dict[str, tuple[Callable[[Sent], Sent], Expected]] = {
    "headers in another order": (lambda r: r.but(headers=dict(reversed(r.headers.items()))), PASSED),
    "a header that is not listed": (lambda r: r.with_headers(accept="*/*"), PASSED),
    "another body": (lambda r: r.but(body=BODY + b" "), DIGEST),
    "no body": (lambda r: r.but(body=b""), DIGEST),
    "another method": (lambda r: r.but(method="GET"), WRONG),
    "another path": (lambda r: r.but(path=r.path.replace("/", "/v2/account/unlink", 1)), WRONG),
    "a query": (lambda r: r.but(path=r.path + ("&" if "?" in r.path else "?") + "IdentityId=1"), WRONG),
    "a name with a sign of the grammar": (
        lambda r: r.but(path=r.path + ("&" if "?" in r.path else "?") + "a%3D1%26b=2"),
        WRONG,
    ),
    "a parameter twice": (
        lambda r: r.but(path=r.path.partition("?")[0] + "?Action=a&Action=b"),
        "400 REQUEST_MALFORMED",
    ),
    "another host": (lambda r: r.but(host="other.example.com"), WRONG),
    "the host in capitals": (lambda r: r.but(host=r.host.upper()), WRONG),
    "another port": (lambda r: r.but(host=r.host + ":443"), WRONG),
    "another type of the body": (lambda r: r.with_headers(content_type=FORM), WRONG),
    "no type of the body": (lambda r: r.with_headers(content_type=None), INCOMPLETE),
    "another user agent": (lambda r: r.with_headers(user_agent="curl"), WRONG),
    "another date": (lambda r: r.with_headers(x_acs_date=signatures.iso_date(-9)), WRONG),
    "another nonce": (lambda r: r.with_headers(x_acs_signature_nonce="x"), WRONG),
    "a blank behind the nonce": (lambda r: behind_nonce(r, " "), WRONG),
    "a blank of Unicode behind it": (lambda r: behind_nonce(r, "\u00a0"), WRONG),
    "a further header of the vendor's": (lambda r: r.with_headers(x_acs_security_token="x"), INCOMPLETE),
    "one that is listed and not sent": (lambda r: r.with_headers(x_acs_version=None), INCOMPLETE),
    "one of the list less": (lambda r: credential(r, ";user-agent", ""), WRONG),
    "the list in another order": (lambda r: credential(r, "content-type;host", "host;content-type"), INCOMPLETE),
    "one of the list twice": (lambda r: credential(r, "content-type;", "content-type;content-type;"), INCOMPLETE),
    "the list in capitals": (lambda r: credential(r, "content-type", "Content-Type"), INCOMPLETE),
    "a path as a header": (lambda r: credential(r, "=content-type", "=:path;content-type"), INCOMPLETE),
    "another algorithm": (lambda r: credential(r, "ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), "401 UNAUTHENTICATED"),
    "one with public keys": (lambda r: credential(r, "ACS3-HMAC-SHA256", "ACS3-RSA-SHA256"), "401 UNAUTHENTICATED"),
    "the signature in base64": (
        lambda r: r.with_headers(authorization=r.headers["authorization"][:-64] + "A" * 43 + "="),
        INCOMPLETE,
    ),
    "two signatures": (lambda r: r.with_headers(authorization=r.headers["authorization"] + ",Signature=0"), INCOMPLETE),
    "blanks after the commas": (lambda r: credential(r, ",SignedHeaders", ", SignedHeaders"), INCOMPLETE),
    "on a surface without it": (lambda r: r.but(surface="tpns"), "401 UNAUTHENTICATED"),
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("case", CHANGED)
async def test_what_was_changed_on_the_way(service: Running, case: str, surface: str) -> None:
    change, expected = CHANGED[case]
    assert await outcome(service, change(sent(await make_key(service), surface))) == _on(surface, expected)


@pytest.mark.parametrize("surface", SURFACES)
async def test_it_is_good_once_and_on_one_surface(service: Running, surface: str) -> None:
    request = sent(await make_key(service), surface)
    assert [await outcome(service, request) for _ in range(2)] == [PASSED, USED[surface]]


async def test_a_nonce_is_the_domains_whichever_scheme_brings_it(service: Running) -> None:
    key, other = await make_key(service), await make_key(service)
    nonce = f"nonce-{key.id}"
    assert await outcome(service, sent(key, x_acs_signature_nonce=nonce)) == PASSED
    assert await outcome(service, sent(other, "rpc", x_acs_signature_nonce=nonce)) == USED["rpc"]
    by_acs = Sent("pds", LINK, signatures.acs(key.id, key.secret, LINK, x_acs_signature_nonce=nonce))
    assert await outcome(service, by_acs) == USED["pds"]


async def test_a_nonce_of_another_domain_is_its_own(service: Running, tenant: TokenClient) -> None:
    ours, theirs = await make_key(service), await make_key(tenant)
    for key in (ours, theirs):
        assert await outcome(service, sent(key, x_acs_signature_nonce=f"nonce-{ours.id}")) == PASSED


async def test_another_domains_host(service: Running, tenant: TokenClient) -> None:
    theirs = await make_key(tenant)
    assert await outcome(service, sent(theirs, host="bj1.api.example.net")) == UNKNOWN["pds"]
    assert await outcome(service, sent(theirs, "rpc", host="bj1.api.example.net")) == UNKNOWN["rpc"]
    assert await outcome(service, sent(theirs, "rpc", host="tenant.example.com")) == PASSED


async def test_the_rpc_style_tells_what_should_have_been_signed(service: Running) -> None:
    key = await make_key(service)
    said = message(await check(service, sent(Key(key.id, "x"), "rpc")))
    assert said.startswith(
        "Specified signature is not matched with our calculation. server string to sign is:ACS3-HMAC-SHA256\n"
    )
    assert ":" not in said.partition("is:")[2]


@pytest.mark.parametrize(
    ("header", "in_query", "in_form", "expected"),
    [
        ("DescribeOpenAccount", None, None, PASSED),
        ("DescribeOpenAccount", "DescribeOpenAccount", None, PASSED),
        (None, "DescribeOpenAccount", None, PASSED),
        (None, None, "DescribeOpenAccount", PASSED),
        ("", None, "DescribeOpenAccount", PASSED),
        ("DeleteOpenAccount", None, None, "403 PERMISSION_DENIED"),
        (None, None, "DeleteOpenAccount", "403 PERMISSION_DENIED"),
        (None, None, None, "403 PERMISSION_DENIED"),
        ("DescribeOpenAccount", "DeleteOpenAccount", None, "400 REQUEST_MALFORMED"),
        ("DescribeOpenAccount", None, "DeleteOpenAccount", "400 REQUEST_MALFORMED"),
        ("DescribeOpenAccount", None, "", "400 REQUEST_MALFORMED"),
        (None, "DescribeOpenAccount", "DescribeOpenAccount", "400 REQUEST_MALFORMED"),
    ],
)
async def test_the_action_that_is_limited_is_the_one_that_is_called(
    service: Running, header: str | None, in_query: str | None, in_form: str | None, expected: str
) -> None:
    key = await make_key(service, paths=["/rpc/DescribeOpenAccount"])
    body = b"" if in_form is None else f"Action={in_form}".encode()
    asked = {} if in_query is None else {"Action": in_query}
    headers = signatures.acs3(key.id, key.secret, "/", body, query=asked, content_type=FORM, x_acs_action=header)
    path = "/?" + query(asked) if asked else "/"
    assert await outcome(service, Sent("rpc", path, headers, body, host=headers.pop("host"))) == expected
