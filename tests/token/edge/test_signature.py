"""Version 1.0 of the RPC style's signature: all parameters, in the vendor's words."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import signatures
from tests.support.signatures import iso_date
from tests.support.token import Running
from tests.support.token_client import TokenClient
from tests.token.edge.checking import Key, Sent, check, claims, make_key, message, outcome, query, reason

PASSED = "passed"
WRONG = "400 SIGNATURE_MISMATCHED"
MALFORMED = "400 REQUEST_MALFORMED"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def get(key: Key, **parameters: Any) -> Sent:
    return Sent("rpc", "/?" + query(signatures.rpc(key.id, key.secret, **parameters)), {}, method="GET")


def post(key: Key, in_form: tuple[str, ...] = ("IdentityId",), **parameters: Any) -> Sent:
    """Some parameters in the form, the rest in the query."""
    made = signatures.rpc(key.id, key.secret, "POST", **{"IdentityId": "identity id~*+/&=", **parameters})
    form = {name: made.pop(name) for name in in_form if name in made}
    return Sent("rpc", "/?" + query(made), FORM, urlencode(form).encode())


def everything() -> tuple[str, ...]:
    return (*signatures.rpc("", ""), "IdentityId")


SIGNED: dict[str, tuple[Callable[[Key], Sent], str]] = {
    "GET, as the vendor's client": (get, PASSED),
    "POST, a form beside the query": (post, PASSED),
    "POST, all in the form": (lambda k: post(k, everything()), PASSED),
    "POST, all in the query": (lambda k: post(k, ()), PASSED),
    "GET with a form, which is read too": (lambda k: get(k).but(headers=FORM, body=b""), PASSED),
    "characters of all kinds": (lambda k: get(k, IdToken="中文 ~*'()!/&=+%\u2028\U0001f600"), PASSED),
    "empty parameters": (lambda k: get(k, OpenId="", Idp=""), PASSED),
    "a literal None for the format": (lambda k: get(k, Format="None"), PASSED),
    "no method of signing is named": (lambda k: get(k, SignatureMethod=None), PASSED),
    "no type of signature is named": (lambda k: get(k, SignatureType=None), PASSED),
    "no access key": (lambda k: get(k, AccessKeyId=None), "400 ACCESS_KEY_ID_MISSING"),
    "an empty one": (lambda k: get(k, AccessKeyId=""), "400 ACCESS_KEY_ID_MISSING"),
    "no nonce": (lambda k: get(k, SignatureNonce=None), "400 SIGNATURE_NONCE_MISSING"),
    "an empty nonce": (lambda k: get(k, SignatureNonce=""), "400 SIGNATURE_NONCE_MISSING"),
    "no time": (lambda k: get(k, Timestamp=None), "400 TIMESTAMP_MISSING"),
    "no version of the signature": (lambda k: get(k, SignatureVersion=None), "400 SIGNATURE_VERSION_MISSING"),
    "another version of the signature": (lambda k: get(k, SignatureVersion="2.0"), "400 SIGNATURE_INCOMPLETE"),
    "another algorithm": (lambda k: get(k, SignatureMethod="HMAC-SHA256"), "400 SIGNATURE_METHOD_INVALID"),
    "no algorithm": (lambda k: get(k, SignatureMethod="none"), "400 SIGNATURE_METHOD_INVALID"),
    "a token in place of a signature": (
        lambda k: get(k, SignatureType="BEARERTOKEN", BearerToken="x"),
        "400 SIGNATURE_METHOD_INVALID",
    ),
    "14 minutes ago": (lambda k: get(k, Timestamp=iso_date(-885)), PASSED),
    "in 14 minutes": (lambda k: get(k, Timestamp=iso_date(885)), PASSED),
    "15 minutes ago": (lambda k: get(k, Timestamp=iso_date(-915)), "400 TIMESTAMP_EXPIRED"),
    "in 15 minutes": (lambda k: get(k, Timestamp=iso_date(915)), "400 TIMESTAMP_EXPIRED"),
    "a time of another form": (lambda k: get(k, Timestamp=iso_date()[:-1] + "+00:00"), "400 TIMESTAMP_MALFORMED"),
    "an hour that is none": (lambda k: get(k, Timestamp="2026-11-26T24:00:00Z"), "400 TIMESTAMP_MALFORMED"),
    "a secret that is not its": (lambda k: get(Key(k.id, k.secret[::-1])), WRONG),
    "the secret of PDS's, without the sign behind it": (lambda k: get(Key(k.id, k.secret[:-1])), WRONG),
    "a key of nobody": (lambda k: get(Key("nobody", k.secret)), "404 ACCESS_KEY_UNKNOWN"),
    "a key that cannot be": (lambda k: get(Key("a/b c", k.secret)), "404 ACCESS_KEY_UNKNOWN"),
}


@pytest.mark.parametrize("case", SIGNED)
async def test_what_was_signed_so(service: Running, case: str) -> None:
    make, expected = SIGNED[case]
    assert await outcome(service, make(await make_key(service))) == expected


def replaced(old: str, new: str) -> Callable[[Sent], Sent]:
    def replace(request: Sent) -> Sent:
        assert old in request.path
        return request.but(path=request.path.replace(old, new))

    return replace


def added(piece: str) -> Callable[[Sent], Sent]:
    return lambda request: request.but(path=f"{request.path}&{piece}")


# Of a GET.
CHANGED: dict[str, tuple[Callable[[Sent], Sent], str]] = {
    "parameters in another order": (lambda r: r.but(path="/?" + "&".join(reversed(r.path[2:].split("&")))), PASSED),
    "escapes in small letters": (replaced("%3A", "%3a"), PASSED),
    "less that is escaped": (replaced("%3A", ":"), PASSED),
    "more that is escaped": (replaced("DescribeOpenAccount", "%44escribeOpenAccount"), PASSED),
    "two separators": (replaced("&Version", "&&Version"), PASSED),
    "a fragment": (lambda r: r.but(path=r.path + "#x"), PASSED),
    "another host": (lambda r: r.but(host="other.example.com"), PASSED),
    "a header of the other version": (lambda r: r.with_headers(x_acs_action="Other"), PASSED),
    "another method": (lambda r: r.but(method="POST"), WRONG),
    "another action": (replaced("DescribeOpenAccount", "DeleteOpenAccount"), WRONG),
    "the action in small letters": (replaced("DescribeOpenAccount", "describeOpenAccount"), WRONG),
    "a name in small letters": (replaced("RegionId", "regionid"), WRONG),
    "a further parameter": (added("IdentityId=x"), WRONG),
    "a further empty parameter": (added("IdentityId="), WRONG),
    "an empty parameter less": (replaced("SignatureType=&", ""), WRONG),
    "another nonce": (replaced("SignatureNonce=", "SignatureNonce=0"), WRONG),
    "a parameter twice": (added("Action=DeleteOpenAccount"), MALFORMED),
    "the same parameter twice, alike": (added("Action=DescribeOpenAccount"), MALFORMED),
    "a parameter twice, once escaped": (added("%41ction=DeleteOpenAccount"), MALFORMED),
    "a second signature": (added("Signature=x"), MALFORMED),
    "a broken escape": (added("a=%4"), MALFORMED),
    "no UTF-8": (added("a=%FF"), MALFORMED),
    "a plus in place of an escape": (replaced("%2B", "+"), WRONG),
    "no signature": (lambda r: r.but(path=r.path.partition("&Signature=")[0]), "400 SIGNATURE_MISSING"),
    "an empty signature": (
        lambda r: r.but(path=r.path.partition("&Signature=")[0] + "&Signature="),
        "400 SIGNATURE_MISSING",
    ),
    "the signature in small letters": (
        lambda r: r.but(
            path=r.path.partition("&Signature=")[0] + "&Signature=" + r.path.partition("&Signature=")[2].lower()
        ),
        WRONG,
    ),
    "a scheme that nobody takes": (lambda r: r.with_headers(authorization="Basic abc"), "401 UNAUTHENTICATED"),
    "a token of the other route": (lambda r: r.with_headers(authorization="Bearer"), "401 UNAUTHENTICATED"),
    "on a surface without it": (lambda r: r.but(surface="pds"), "401 UNAUTHENTICATED"),
}


@pytest.mark.parametrize("case", CHANGED)
async def test_what_was_changed_on_the_way(service: Running, case: str) -> None:
    change, expected = CHANGED[case]
    key = await make_key(service)
    request = get(key)
    while case == "a plus in place of an escape" and "%2B" not in request.path:
        request = get(key)
    assert await outcome(service, change(request)) == expected


# Of a POST with a form.
FORMS: dict[str, tuple[Callable[[Sent], Sent], str]] = {
    "a blank escaped otherwise": (lambda r: r.but(body=r.body.replace(b"+", b"%20", 1)), PASSED),
    "a charset": (lambda r: r.with_headers(content_type=FORM["content-type"] + "; charset=UTF-8"), PASSED),
    "the type in capitals": (lambda r: r.with_headers(content_type=FORM["content-type"].upper()), PASSED),
    "a digest, which is not looked at": (lambda r: r.with_headers(content_md5="x"), PASSED),
    "another body": (lambda r: r.but(body=r.body + b"x"), WRONG),
    "no body": (lambda r: r.but(body=b""), WRONG),
    "a body that is no form": (lambda r: r.with_headers(content_type="application/json"), WRONG),
    "a further parameter": (lambda r: r.but(body=r.body + b"&Idp="), WRONG),
    "the query's parameter again": (lambda r: r.but(body=r.body + b"&Action=DeleteOpenAccount"), MALFORMED),
    "the form's parameter in the query": (lambda r: r.but(path=r.path + "&IdentityId=other"), MALFORMED),
    "no UTF-8": (lambda r: r.but(body=r.body + b"&a=\xff"), MALFORMED),
    "another charset's bytes": (lambda r: r.but(body=r.body + b"&a=%D6%D0"), MALFORMED),
}


@pytest.mark.parametrize("case", FORMS)
async def test_what_was_changed_of_a_form(service: Running, case: str) -> None:
    change, expected = FORMS[case]
    assert await outcome(service, change(post(await make_key(service)))) == expected


async def test_the_form_moved_to_the_query_is_the_same_call(service: Running) -> None:
    """Nothing tells the two apart, neither to the signature nor to the service."""
    request = post(await make_key(service))
    assert await outcome(service, request.but(path=f"{request.path}&{request.body.decode()}", body=b"")) == PASSED


WORDS: dict[str, tuple[Callable[[Key], Sent], str]] = {
    "ACCESS_KEY_ID_MISSING": (lambda k: get(k, AccessKeyId=None), "AccessKeyId is mandatory for this action."),
    "SIGNATURE_NONCE_MISSING": (lambda k: get(k, SignatureNonce=None), "SignatureNonce is mandatory for this action."),
    "TIMESTAMP_MISSING": (lambda k: get(k, Timestamp=None), "Timestamp is mandatory for this action."),
    "ACCESS_KEY_UNKNOWN": (lambda k: get(Key("x", "x")), "Specified access key is not found."),
    "TIMESTAMP_EXPIRED": (
        lambda k: get(k, Timestamp=iso_date(-3600)),
        "Specified time stamp or date value is expired.",
    ),
    "TIMESTAMP_MALFORMED": (
        lambda k: get(k, Timestamp="now"),
        "Specified time stamp or date value is not well formatted.",
    ),
    "SIGNATURE_METHOD_INVALID": (lambda k: get(k, SignatureMethod="x"), "Specified signature method is not valid."),
}


@pytest.mark.parametrize("expected", WORDS)
async def test_the_vendors_words(service: Running, expected: str) -> None:
    make, words = WORDS[expected]
    answer = await check(service, make(await make_key(service)))
    assert (reason(answer), message(answer)) == (expected, words)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_should_have_been_signed_is_told_as_the_vendors_client_reads_it(
    service: Running, method: str
) -> None:
    key = await make_key(service)
    parameters = signatures.rpc(key.id, "wrong", method, IdToken="中 *~")
    answer = await check(service, Sent("rpc", "/?" + query(parameters), {}, method=method))
    del parameters["Signature"]
    assert message(answer).split(":")[1] == signatures.rpc_text(parameters, method)


async def test_it_is_good_once(service: Running) -> None:
    key = await make_key(service)
    nonce = f"n-{key.id}"
    request = get(key, SignatureNonce=nonce)
    assert [await outcome(service, request) for _ in range(2)] == [PASSED, "400 SIGNATURE_NONCE_USED"]
    # Old clients sign anew and keep the nonce: the vendor refuses that.
    again = get(key, SignatureNonce=nonce, Timestamp=iso_date(-60))
    answer = await check(service, again)
    assert message(answer) == "Specified signature nonce was used already."


async def test_what_the_key_becomes_inside(service: Running) -> None:
    key = await make_key(service, "account.describe")
    inside = claims(await check(service, get(key)))
    assert (inside["kind"], inside["sub"], inside["scheme"]) == ("access_key", key.id, "signature-1.0")
    assert inside["permissions"] == ["account.describe"]


async def test_another_domains_host(service: Running, tenant: TokenClient) -> None:
    theirs = await make_key(tenant)
    assert await outcome(service, get(theirs).but(host="bj1.api.example.net")) == "404 ACCESS_KEY_UNKNOWN"
    assert await outcome(service, get(theirs).but(host="iovcc.cn-shanghai.aliyuncs.com")) == PASSED
