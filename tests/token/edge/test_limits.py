"""Where an access key's requests may come from and go to, and how they may be signed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.token.config import TokenSettings
from tests.support import signatures
from tests.support.calls import refused
from tests.support.token import Founded, Running, serving
from tests.token.edge.checking import LINK, Key, Sent, check, make_key, outcome, query
from tests.token.test_update_access_key import create, delete, get, update

PASSED = "passed"
FORBIDDEN = "403 PERMISSION_DENIED"


def by_acs(key: Key, path: str = LINK) -> Sent:
    return Sent("pds", path, signatures.acs(key.id, key.secret, path))


def by_acs3(key: Key, path: str = LINK) -> Sent:
    headers = signatures.acs3(key.id, key.secret, path)
    return Sent("pds", path, headers, host=headers.pop("host"))


def by_acs4(key: Key, path: str = LINK) -> Sent:
    return Sent("pds", path, signatures.acs4(key.id, key.secret, path, b""))


def by_rpc(key: Key, action: str = "DescribeOpenAccount") -> Sent:
    return Sent("rpc", "/?" + query(signatures.rpc(key.id, key.secret, Action=action)), {}, method="GET")


@pytest.mark.parametrize(
    ("paths", "allowed", "not_allowed"),
    [
        (["/v2/account"], ["/v2/account", LINK], ["/v2/accounts", "/v2/user/get", "/v2", "/"]),
        (["/v2/account/"], [LINK], ["/v2/account", "/v2/accounts"]),
        ([LINK, "/v2/user"], [LINK, "/v2/user/get"], [LINK + "x", "/v2/account/unlink"]),
        (["/"], [LINK, "/"], []),
    ],
)
async def test_paths(service: Running, paths: list[str], allowed: list[str], not_allowed: list[str]) -> None:
    key = await make_key(service, paths=paths)
    for path in allowed:
        assert await outcome(service, by_acs(key, path)) == PASSED, path
    for path in not_allowed:
        assert await outcome(service, by_acs(key, path)) == FORBIDDEN, path


async def test_a_query_is_no_part_of_the_path(service: Running) -> None:
    key = await make_key(service, paths=["/v2/user"])
    headers = signatures.acs(key.id, key.secret, LINK, {"a": "/v2/user"})
    assert await outcome(service, Sent("pds", LINK + "?a=/v2/user", headers)) == FORBIDDEN


async def test_actions_of_the_rpc_style_are_paths(service: Running) -> None:
    key = await make_key(service, paths=["/rpc/DescribeOpenAccount"])
    assert await outcome(service, by_rpc(key)) == PASSED
    assert await outcome(service, by_rpc(key, "DeleteOpenAccount")) == FORBIDDEN
    assert await outcome(service, by_acs(key)) == FORBIDDEN
    assert await outcome(service, by_rpc(await make_key(service, paths=["/v2"]))) == FORBIDDEN


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("192.0.2.7", PASSED),
        ("192.0.3.7", FORBIDDEN),
        ("::ffff:192.0.2.7", PASSED),
        ("2001:db8::1", PASSED),
        ("2001:db9::1", FORBIDDEN),
        ("::192.0.2.7", FORBIDDEN),
        ("", FORBIDDEN),
        ("/tmp/socket", FORBIDDEN),
    ],
)
async def test_networks(service: Running, client: str, expected: str) -> None:
    key = await make_key(service, networks=["192.0.2.0/24", "2001:db8::/32"])
    assert await outcome(service, by_acs(key).but(client=client)) == expected


async def test_a_callers_header_is_no_address(service: Running) -> None:
    key = await make_key(service, networks=["192.0.2.0/24"])
    request = by_acs(key).but(client="203.0.113.1")
    for name in ("x_forwarded_for", "x_real_ip", "x_envoy_external_address", "forwarded"):
        assert await outcome(service, request.with_headers(**{name: "192.0.2.7"})) == FORBIDDEN


async def test_a_key_may_refuse_what_does_not_cover_the_body(service: Running) -> None:
    key = await make_key(service, refuse_acs=True)
    assert await outcome(service, by_acs(key)) == FORBIDDEN
    for make in (by_acs3, by_acs4, by_rpc):
        assert await outcome(service, make(key)) == PASSED


async def test_who_proves_nothing_learns_nothing_of_limits(service: Running) -> None:
    key = await make_key(service, refuse_acs=True, paths=["/v2/user"], networks=["198.51.100.0/24"])
    assert await outcome(service, by_acs(Key(key.id, "x"))) == "401 SIGNATURE_REFUSED"
    assert await outcome(service, by_acs3(Key(key.id, "x"))) == "401 SIGNATURE_REFUSED"


async def _soon(expected: str, ask: Callable[[], Awaitable[str]]) -> float:
    """Ask until the answer is so, and tell for how long it was another."""
    started = time.monotonic()
    async with asyncio.timeout(20):
        while await ask() != expected:
            await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_a_change_is_known_within_a_second(own: Running) -> None:
    key = await make_key(own)
    assert await outcome(own, by_acs(key)) == PASSED
    # Beside the second, what a busy machine takes.
    for mask, fields, expected in (
        ("refuse_acs", {"refuse_acs": True}, FORBIDDEN),
        ("refuse_acs", {}, PASSED),
        ("networks", {"networks": ["198.51.100.0/24"]}, FORBIDDEN),
        ("networks", {}, PASSED),
        ("paths", {"paths": ["/v2/user"]}, FORBIDDEN),
        ("paths", {}, PASSED),
        ("enabled", {"enabled": False}, "401 SIGNATURE_REFUSED"),
    ):
        await update(own, key.id, mask, **fields)
        assert await _soon(expected, lambda: outcome(own, by_acs(key))) < 3
    assert await outcome(own, by_rpc(key)) == "400 ACCESS_KEY_INACTIVE"
    await delete(own, key.id)
    assert await _soon("404 ACCESS_KEY_UNKNOWN", lambda: outcome(own, by_rpc(key))) < 3


async def test_a_key_that_signs_too_often_is_told_so(founded: Founded, own_settings: TokenSettings) -> None:
    async with serving(replace(own_settings, calls_per_second=1), founded.made) as service:
        key, other = await make_key(service), await make_key(service)
        # What is not the key's does not count.
        assert await outcome(service, by_acs(Key(key.id, "wrong"))) == "401 SIGNATURE_REFUSED"
        requests = [by_acs(key) for _ in range(10)]
        outcomes = [await outcome(service, each) for each in requests]
        assert outcomes[0] == PASSED
        assert outcomes.count("429 RATE_LIMITED") >= 5
        assert await outcome(service, by_acs(other)) == PASSED
        refused_once = requests[outcomes.index("429 RATE_LIMITED")]
        await _soon(PASSED, lambda: outcome(service, refused_once))


async def test_who_sends_again_takes_nothing_of_the_key(founded: Founded, own_settings: TokenSettings) -> None:
    async with serving(replace(own_settings, calls_per_second=2), founded.made) as service:
        key = await make_key(service)
        caught, fresh = by_acs(key), by_acs(key)
        assert await outcome(service, caught) == PASSED
        for _ in range(10):
            assert await outcome(service, caught) == "403 NONCE_REPEATED"
        assert await outcome(service, fresh) == PASSED


async def test_limits_are_set_told_and_changed(service: Running) -> None:
    networks, paths = ["192.0.2.0/24", "2001:db8::/32"], [LINK]
    key = await make_key(service, networks=[*networks, networks[0]], paths=paths, refuse_acs=True)
    made = await get(service, key.id)
    assert (list(made.networks), list(made.paths), made.refuse_acs) == (networks, paths, True)
    changed = await update(service, key.id, "networks", networks=["192.0.2.7"])
    assert list(changed.networks) == ["192.0.2.7/32"]
    assert (list(changed.paths), changed.refuse_acs) == (paths, True)
    rows = [row["detail"] for row in await service.audit(client_id=key.id)]
    assert rows == [None, "networks"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("networks", ["192.0.2.7/24"]),
        ("networks", ["x"]),
        ("networks", ["192.0.2.0/33"]),
        ("networks", [f"192.0.2.{number}" for number in range(21)]),
        ("paths", ["v2"]),
        ("paths", [""]),
        ("paths", ["/v2//x"]),
        ("paths", ["/v2/%61"]),
        ("paths", ["/v2?x"]),
        ("paths", ["/a\n"]),
        ("paths", [f"/{number}" for number in range(21)]),
    ],
)
async def test_what_is_no_limit(service: Running, field: str, value: list[str]) -> None:
    await refused(make_key(service, **{field: value}), "FIELD_INVALID", field)
    key_id = await create(service)
    await refused(update(service, key_id, **{field: value}), "FIELD_INVALID", f"access_key.{field}")


async def test_no_key_lifts_its_own_limits(service: Running) -> None:
    key = await make_key(service, "token.admin", networks=["192.0.2.0/24"])
    by_itself = await _inside(service, key)
    for fields in ({"networks": []}, {"paths": ["/v2"]}, {"refuse_acs": True}):
        call = service.admin.UpdateAccessKey(
            admin_pb2.UpdateAccessKeyRequest(
                access_key=nouns_pb2.AccessKey(access_key_id=key.id, **fields), update_mask=FieldMask(paths=[*fields])
            ),
            metadata=by_itself,
        )
        await refused(call, "PERMISSION_DENIED")


async def _inside(service: Running, key: Key) -> Any:
    """What the gateway makes of a key's request to token itself."""
    sent = by_acs(key)
    http = auth_pb2.AttributeContext.HttpRequest(method=sent.method, path=sent.path, headers=sent.headers)
    attributes = auth_pb2.AttributeContext(
        source=auth_pb2.AttributeContext.Peer(
            address=auth_pb2.Address(socket_address=auth_pb2.SocketAddress(address=sent.client))
        ),
        request=auth_pb2.AttributeContext.Request(http=http),
        context_extensions={"surface": "pds", "audience": "token"},
    )
    answer = await service.edge.Check(auth_pb2.CheckRequest(attributes=attributes), metadata=service.gateway())
    assert answer.status.code == 0, answer
    (option,) = answer.ok_response.headers
    return [(option.header.key, option.header.value)]


async def test_every_process_asks_the_database_once_for_a_key(own: Running) -> None:
    other, key = await make_key(own), await make_key(own)
    assert await outcome(own, by_acs(other)) == PASSED
    # What is told is heard in its order: that the key was made, before the second change of another one is known.
    for refuse_acs, expected in ((True, FORBIDDEN), (False, PASSED)):
        await update(own, other.id, "refuse_acs", refuse_acs=refuse_acs)
        await _soon(expected, lambda: outcome(own, by_acs(other)))
    await check(own, by_acs(key))
    async with own.database() as database:
        # Out of reach for all but who has it in memory.
        await database.execute("update token.access_key set secret = 'x' where access_key_id = $1", key.id)
        assert await outcome(own, by_acs(key)) == PASSED
