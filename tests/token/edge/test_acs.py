"""`acs`: what of a request it covers, and what becomes of one that was changed after it was signed."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate

import pytest

from tests.support import signatures
from tests.support.token import Running
from tests.support.token_client import TokenClient
from tests.token.edge.checking import LINK, Key, Sent, behind_nonce, check, claims, make_key, outcome

BODY = b'{"user_id":"u","type":"mobile","identity":"13900001111"}'
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()

PASSED = "passed"
WRONG = "401 SIGNATURE_REFUSED"
SKEWED = "403 DATE_SKEWED"
USED = "403 NONCE_REPEATED"
INCOMPLETE = "400 SIGNATURE_INCOMPLETE"


def sent(key: Key, path: str = LINK, **changed: str | None) -> Sent:
    return Sent("pds", path, signatures.acs(key.id, key.secret, path, **changed), BODY)


def date(**ago: float) -> str:
    return format_datetime(datetime.now(UTC) - timedelta(**ago), usegmt=True)


def signature_of(request: Sent) -> str:
    return request.headers["authorization"].partition(":")[2]


# Signed otherwise than the vendor's client does.
SIGNED: dict[str, tuple[Callable[[Key], Sent], str]] = {
    "as the vendor's client": (sent, PASSED),
    "no nonce, as older clients": (lambda k: sent(k, x_acs_signature_nonce=None), PASSED),
    "an empty nonce": (lambda k: sent(k, x_acs_signature_nonce=""), PASSED),
    "no accept, no content type": (lambda k: sent(k, accept=None, content_type=None), PASSED),
    "further headers of the vendor's": (lambda k: sent(k, x_acs_security_token="t", x_acs_zz="1"), PASSED),
    "the body's digest": (lambda k: sent(k, content_md5=MD5), PASSED),
    "another body's digest": (lambda k: sent(k, content_md5=MD5[:-3] + "A=="), "400 DIGEST_MISMATCHED"),
    "an empty digest": (lambda k: sent(k, content_md5=""), "400 DIGEST_MISMATCHED"),
    "no date": (lambda k: sent(k, date=None), "400 TIMESTAMP_MISSING"),
    "14 minutes ago": (lambda k: sent(k, date=date(minutes=14, seconds=45)), PASSED),
    "in 14 minutes": (lambda k: sent(k, date=date(minutes=-14, seconds=-45)), PASSED),
    "16 minutes ago": (lambda k: sent(k, date=date(minutes=15, seconds=15)), SKEWED),
    "in 16 minutes": (lambda k: sent(k, date=date(minutes=-15, seconds=-15)), SKEWED),
    "a date of another form": (lambda k: sent(k, date=signatures.iso_date()), "400 TIMESTAMP_MALFORMED"),
    "a date in another zone": (lambda k: sent(k, date=formatdate(localtime=True)), "400 TIMESTAMP_MALFORMED"),
    "a day that is none": (lambda k: sent(k, date="Mon, 31 Feb 2026 00:00:00 GMT"), "400 TIMESTAMP_MALFORMED"),
    "digits of another script": (lambda k: sent(k, date=date().replace("0", "\u0660")), "400 TIMESTAMP_MALFORMED"),
    "another algorithm": (lambda k: sent(k, x_acs_signature_method="HMAC-SHA256"), "400 SIGNATURE_METHOD_INVALID"),
    "another version": (lambda k: sent(k, x_acs_signature_version="2.0"), "400 SIGNATURE_METHOD_INVALID"),
    "neither is named": (lambda k: sent(k, x_acs_signature_method=None, x_acs_signature_version=None), PASSED),
    "a secret that is not its": (lambda k: sent(Key(k.id, k.secret[::-1])), WRONG),
    "an empty secret": (lambda k: sent(Key(k.id, "")), WRONG),
    "a key of nobody": (lambda k: sent(Key("nobody", k.secret)), WRONG),
    # As one that is there: nobody finds out by old dates which keys there are.
    "a key of nobody, 16 minutes ago": (lambda k: sent(Key("nobody", "x"), date=date(minutes=16)), SKEWED),
    "a wrong secret, 16 minutes ago": (lambda k: sent(Key(k.id, "x"), date=date(minutes=16)), SKEWED),
    "a query": (
        lambda k: Sent(
            "pds",
            LINK + "?b=1%202&a=x+y&empty=",
            signatures.acs(k.id, k.secret, LINK, {"a": "x y", "b": "1 2", "empty": ""}),
            BODY,
        ),
        PASSED,
    ),
    "a query that could pass for a header": (
        lambda k: Sent("pds", LINK + "?a=%0Ax", signatures.acs(k.id, k.secret, LINK, {"a": "\nx"}), BODY),
        "400 REQUEST_MALFORMED",
    ),
}


@pytest.mark.parametrize("case", SIGNED)
async def test_what_was_signed_so(service: Running, case: str) -> None:
    make, expected = SIGNED[case]
    assert await outcome(service, make(await make_key(service))) == expected


# What somebody on the way makes of it.
CHANGED: dict[str, tuple[Callable[[Sent], Sent], str]] = {
    "headers in another order": (lambda r: r.but(headers=dict(reversed(r.headers.items()))), PASSED),
    "the scheme in capitals": (lambda r: r.with_headers(authorization="ACS" + r.headers["authorization"][3:]), PASSED),
    # Not covered: that is why it is good once, and why a key may refuse the scheme.
    "another body": (lambda r: r.but(body=BODY.replace(b"mobile", b"email")), PASSED),
    "another user agent": (lambda r: r.with_headers(user_agent="curl"), PASSED),
    "another method": (lambda r: r.but(method="PUT"), WRONG),
    "another path": (lambda r: r.but(path="/v2/account/unlink"), WRONG),
    "the path in capitals": (lambda r: r.but(path=LINK.upper()), WRONG),
    "the path escaped": (lambda r: r.but(path="/v2/account/%6Cink"), WRONG),
    "a slash at its end": (lambda r: r.but(path=LINK + "/"), WRONG),
    "a query": (lambda r: r.but(path=LINK + "?user_id=other"), WRONG),
    "a query with a broken escape": (lambda r: r.but(path=LINK + "?a=%zz"), "400 REQUEST_MALFORMED"),
    "another accept": (lambda r: r.with_headers(accept="*/*"), WRONG),
    "another content type": (lambda r: r.with_headers(content_type="application/json"), WRONG),
    "another date in the window": (lambda r: r.with_headers(date=date(seconds=7)), WRONG),
    "another nonce": (lambda r: r.with_headers(x_acs_signature_nonce="x"), WRONG),
    "no nonce": (lambda r: r.with_headers(x_acs_signature_nonce=None), WRONG),
    "a blank behind the nonce": (lambda r: behind_nonce(r, " "), WRONG),
    "a blank of Unicode behind it": (lambda r: behind_nonce(r, "\u00a0"), WRONG),
    "another action": (lambda r: r.with_headers(x_acs_action="UnLinkAccount"), WRONG),
    "a further header of the vendor's": (lambda r: r.with_headers(x_acs_user="x"), WRONG),
    "one of them less": (lambda r: r.with_headers(x_acs_version=None), WRONG),
    "two headers made one": (lambda r: r.with_headers(x_acs_action=r.headers["x-acs-action"] + "\nx-acs-b:1"), WRONG),
    "a blank before the signature": (
        lambda r: r.with_headers(authorization=r.headers["authorization"].replace(":", ": ")),
        INCOMPLETE,
    ),
    "the signature in small letters": (
        lambda r: r.with_headers(authorization=r.headers["authorization"].lower()),
        WRONG,
    ),
    "the signature cut": (lambda r: r.with_headers(authorization=r.headers["authorization"][:-4]), INCOMPLETE),
    "the signature in another alphabet": (
        lambda r: r.with_headers(authorization=r.headers["authorization"][:-28] + "_" * 27 + "="),
        INCOMPLETE,
    ),
    "two credentials": (
        lambda r: r.with_headers(authorization=f"{r.headers['authorization']},{r.headers['authorization']}"),
        INCOMPLETE,
    ),
    "no signature": (lambda r: r.with_headers(authorization="acs x"), INCOMPLETE),
    "nothing": (lambda r: r.with_headers(authorization="acs"), INCOMPLETE),
    "on a surface without it": (lambda r: r.but(surface="rpc"), "401 UNAUTHENTICATED"),
    "on another one": (lambda r: r.but(surface="tpns"), "401 UNAUTHENTICATED"),
    "on a surface that is none": (lambda r: r.but(surface=""), "401 UNAUTHENTICATED"),
}


@pytest.mark.parametrize("case", CHANGED)
async def test_what_was_changed_on_the_way(service: Running, case: str) -> None:
    change, expected = CHANGED[case]
    assert await outcome(service, change(sent(await make_key(service)))) == expected


async def test_another_spelling_of_the_signature_is_another(service: Running) -> None:
    """The last letter of base64 has bits that no byte has: they must not make a request that was used a new one."""
    request = sent(await make_key(service), x_acs_signature_nonce=None)
    assert await outcome(service, request) == PASSED
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    signature = signature_of(request)
    last = alphabet.index(signature[-2])
    other = signature[:-2] + alphabet[last ^ 1] + "="
    assert base64.b64decode(other) == base64.b64decode(signature)
    changed = request.with_headers(authorization=request.headers["authorization"].replace(signature, other))
    assert await outcome(service, changed) == WRONG


@pytest.mark.parametrize("nonce", ["0123456789abcdef", None])
async def test_it_is_good_once(service: Running, nonce: str | None) -> None:
    key = await make_key(service)
    request = sent(key, x_acs_signature_nonce=nonce and nonce + key.id)
    assert [await outcome(service, request) for _ in range(3)] == [PASSED, USED, USED]
    # Also to who changes what is not covered.
    assert await outcome(service, request.but(body=b"{}")) == USED


async def test_a_forged_request_uses_nothing_up(service: Running) -> None:
    request = sent(await make_key(service))
    assert await outcome(service, request.with_headers(accept="*/*")) == WRONG
    assert await outcome(service, request) == PASSED


async def test_what_the_key_becomes_inside(service: Running) -> None:
    key = await make_key(service, "account.link", "token.impersonate")
    inside = claims(await check(service, sent(key)))
    assert (inside["kind"], inside["sub"], inside["client_id"]) == ("access_key", key.id, key.id)
    assert (inside["domainId"], inside["aud"], inside["scheme"]) == ("bj1", "account", "acs")
    assert inside["permissions"] == ["account.link", "token.impersonate"]
    assert inside["exp"] - inside["iat"] == 60
    assert abs(inside["iat"] - time.time()) < 60


async def test_another_domains_key_and_host(service: Running, tenant: TokenClient) -> None:
    theirs, ours = await make_key(tenant), await make_key(service)
    for key, host, expected in (
        (theirs, "tenant.example.com", PASSED),
        (theirs, "TENANT.example.com:443", PASSED),
        (theirs, "bj1.api.example.net", WRONG),
        (theirs, "gateway.example.com", PASSED),
        (ours, "tenant.example.com", WRONG),
        (ours, "bj1.api.example.net", PASSED),
        # Signed by the one for the other.
        (Key(ours.id, theirs.secret), "bj1.api.example.net", WRONG),
    ):
        assert await outcome(service, sent(key).but(host=host)) == expected, host


async def test_refused_at_another_domain_it_is_not_used_up(service: Running, tenant: TokenClient) -> None:
    request = sent(await make_key(service))
    assert await outcome(service, request.but(host=f"{tenant.made['domain_id']}.example.com")) == WRONG
    assert await outcome(service, request) == PASSED
