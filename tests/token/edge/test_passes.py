"""One internal token serves a caller for a while, and says nothing that is no longer so."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import jwt
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import signing_key_service_pb2

from tests.support import signatures
from tests.support.token import Running
from tests.support.token_client import basic
from tests.token.edge.checking import Key, Sent, check, claims, make_key, outcome
from tests.token.edge.test_limits import by_acs, by_acs3, by_acs4, by_rpc, update
from tests.token.test_update_push_app import update as update_app

PASSED = "passed"
QUERY = "/v3/device/account/query"


def token_of(answer: auth_pb2.CheckResponse) -> str:
    (option,) = answer.ok_response.headers
    return option.header.value


async def token(service: Running, sent: Sent) -> str:
    return token_of(await check(service, sent))


async def by_basic(service: Running) -> Sent:
    app = await service.push_app()
    return Sent("tpns", QUERY, {"authorization": basic(str(app.access_id), app.secret_key)})


async def test_requests_of_one_caller_by_one_scheme_share_a_token(service: Running) -> None:
    key, push = await make_key(service), await by_basic(service)
    assert await token(service, push) == await token(service, push)
    for make in (by_acs, by_acs4, by_acs3, by_rpc):
        assert await token(service, make(key)) == await token(service, make(key))
    by_scheme = {await token(service, make(key)) for make in (by_acs, by_acs4, by_acs3, by_rpc)}
    assert len(by_scheme) == 4
    assert await token(service, by_acs(await make_key(service))) not in by_scheme
    assert await token(service, await by_basic(service)) != await token(service, push)


async def test_a_token_that_is_there_makes_no_request_good(service: Running) -> None:
    key, push = await make_key(service), await by_basic(service)
    sent = by_acs(key)
    assert [await outcome(service, each) for each in (sent, push)] == [PASSED, PASSED]
    assert await outcome(service, sent) == "403 NONCE_REPEATED"
    assert await outcome(service, by_acs(Key(key.id, key.secret[::-1]))) == "401 SIGNATURE_REFUSED"
    identifier = claims(await check(service, push))["sub"]
    wrong = push.with_headers(authorization=basic(identifier, "wrong"))
    assert await outcome(service, wrong) == "401 UNAUTHENTICATED"


async def test_what_is_said_of_one_request_is_said_of_no_other(service: Running) -> None:
    app = await service.push_app()
    tokens = []
    for body in (b"a", b"b"):
        headers = signatures.sign(app.access_id, app.secret_key, body)
        tokens.append(claims(await check(service, Sent("tpns", QUERY, headers, body))))
    assert tokens[0]["signed"]["hash"] != tokens[1]["signed"]["hash"]
    assert tokens[0]["jti"] != tokens[1]["jti"]


async def test_a_token_has_most_of_its_minute_left(own: Running) -> None:
    push = await by_basic(own)
    first = await token(own, push)
    own.clock.shift(timedelta(seconds=15))
    assert await token(own, push) == first
    own.clock.shift(timedelta(seconds=10))
    later = claims(await check(own, push))
    assert later["exp"] - own.clock.timestamp() >= 58


async def test_a_token_says_what_is_so_now(own: Running) -> None:
    key = await make_key(own, "account.link", "account.link.read")
    assert claims(await check(own, by_acs(key)))["permissions"] == ["account.link", "account.link.read"]
    await update(own, key.id, "permissions", permissions=["account.link.read"])

    async def permissions() -> Any:
        return claims(await check(own, by_acs(key)))["permissions"]

    assert await soon(permissions, ["account.link.read"]) < 3


async def test_so_does_one_of_a_push_app(own: Running) -> None:
    """Nothing is revoked by that: its tokens of before are good still, and not given any more."""
    push = await by_basic(own)
    before = claims(await check(own, push))
    changed = await update_app(own, int(before["sub"]), "tokens_per_account", tokens_per_account=7)
    assert before["push_app"]["tokens_per_account"] != changed.tokens_per_account == 7

    async def tokens_per_account() -> Any:
        return claims(await check(own, push))["push_app"]["tokens_per_account"]

    assert await soon(tokens_per_account, 7) < 3


async def test_what_is_got_back_is_no_token_of_before(own: Running) -> None:
    """Disabled and enabled before anybody called: nothing is changed but that the key's tokens are revoked."""
    key = await make_key(own)
    before = await token(own, by_acs(key))
    await update(own, key.id, "enabled", enabled=False)
    await update(own, key.id, "enabled", enabled=True)
    (*_, revoked) = await own.revocations(key.id)

    async def is_new() -> bool:
        answer = await check(own, by_acs(key))
        if answer.status.code:
            return False
        made = token_of(answer)
        issued = jwt.decode(made, options={"verify_signature": False})["iat"]
        return made != before and issued > int(revoked["revoked_at"].timestamp())

    assert await soon(is_new, expected=True) < 5


async def test_a_key_that_is_replaced_signs_no_more(own: Running) -> None:
    push = await by_basic(own)
    before = jwt.get_unverified_header(await token(own, push))["kid"]
    use = signing_key_service_pb2.SigningKey.USE_EDGE
    request = signing_key_service_pb2.RotateSigningKeyRequest(use=use, immediately=True)
    made = await own.signing_keys.RotateSigningKey(request, metadata=await own.operator())
    assert made.signing_key.key_id != before
    assert jwt.get_unverified_header(await token(own, push))["kid"] == made.signing_key.key_id


async def soon(ask: Callable[[], Awaitable[Any]], expected: Any) -> float:
    """Ask until the answer is so, and tell for how long it was another."""
    started = time.monotonic()
    async with asyncio.timeout(20):
        while await ask() != expected:
            await asyncio.sleep(0.02)
    return time.monotonic() - started
