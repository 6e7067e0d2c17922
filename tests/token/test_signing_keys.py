import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from tessera.token.v1 import signing_key_service_pb2 as pb2
from tessera.token.v1 import token_pb2

from services.runtime import jws
from services.runtime.keys import RemoteKeys
from services.runtime.vault import Vault
from services.token.keys import Keyring, new_keys
from services.token.model import Domain
from services.token.store import Store
from tests.support.calls import Metadata, refused
from tests.support.signing_keys import (
    accepted,
    another,
    events,
    jwks,
    key_ids,
    key_of,
    listed,
    revoke,
    rotate,
    rotation,
    until,
    verification_key_ids,
    verified,
)
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App


async def _page(service: Running, metadata: Metadata | None = None, **fields: object) -> pb2.ListSigningKeysResponse:
    request = pb2.ListSigningKeysRequest(**fields)
    return await service.signing_keys.ListSigningKeys(request, metadata=metadata or await service.operator())


async def _token(service: Running) -> token_pb2.Token:
    """An access token of the operator."""
    identity = service.made["operator"]
    return await service.token(
        "client_credentials", client_id=identity["client_id"], client_secret=identity["client_secret"]
    )


async def _stranger(service: Running) -> str:
    """A key of another domain."""
    domain = Domain("other", "https://other.example.com", ())
    async with service.database() as database:
        store = Store(database)
        await store.insert_domain(domain, service.clock.now())
        made = new_keys(domain, Vault(service.settings.master_key.secret))
        for key in made:
            assert await store.insert_signing_key(key, service.clock.now())
    return made[0].key_id


async def test_the_keys_that_a_domain_begins_with(own: Running) -> None:
    await _stranger(own)
    keys = {key.use: key for key in (await _page(own)).signing_keys}
    assert len(keys) == 3
    assert {key.state for key in keys.values()} == {pb2.SigningKey.STATE_ACTIVE}
    access, edge, refresh = (keys[use] for use in (1, 2, 3))
    assert (access.algorithm, edge.algorithm, refresh.algorithm) == ("RS256", "ES256", "HS256")
    assert (access.jwk.kty, access.jwk.kid, edge.jwk.crv) == ("RSA", access.key_id, "P-256")
    assert access.activate_time == access.create_time
    # Nothing by which a MAC could be made.
    assert {field.name for field, _ in refresh.ListFields()} == {
        *("key_id", "use", "state", "algorithm", "create_time", "activate_time"),
    }


async def test_pages(own: Running) -> None:
    for _ in range(3):
        await rotate(own, "edge", immediately=True)
    everything = [key.key_id for key in (await _page(own)).signing_keys]
    assert len(everything) == 6
    found, token = [], ""
    for _ in range(3):
        page = await _page(own, page_size=2, page_token=token)
        found += [key.key_id for key in page.signing_keys]
        token = page.next_page_token
    assert (found, token) == (everything, "")


async def test_bad_input(service: Running) -> None:
    await refused(_page(service, page_size=-1), "FIELD_INVALID", "page_size")
    for token in ("x", "W10", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwiYSJd", "A" * 5000):
        await refused(_page(service, page_token=token), "FIELD_INVALID", "page_token")
    operator = await service.operator()
    rotating = service.signing_keys.RotateSigningKey
    await refused(rotating(pb2.RotateSigningKeyRequest(), metadata=operator), "FIELD_MISSING", "use")
    unknown = pb2.RotateSigningKeyRequest(use=9)  # type: ignore[arg-type]
    await refused(rotating(unknown, metadata=operator), "FIELD_INVALID", "use")
    await refused(revoke(service, ""), "FIELD_MISSING", "key_id")
    for key_id in ("nobody's", "a\0b", "x" * 100):
        await refused(revoke(service, key_id), "NOT_FOUND_SIGNING_KEY")


async def test_another_domains_key_is_not_to_be_found(own: Running) -> None:
    theirs = await _stranger(own)
    await refused(revoke(own, theirs), "NOT_FOUND_SIGNING_KEY")
    await until(lambda: _verifies(own, theirs))


async def test_who_may_not(service: Running) -> None:
    caller = await service.caller("token.impersonate")
    await refused(_page(service, caller), "PERMISSION_DENIED")
    request = pb2.RotateSigningKeyRequest(use=pb2.SigningKey.USE_ACCESS)
    await refused(service.signing_keys.RotateSigningKey(request, metadata=caller), "PERMISSION_DENIED")
    key_id = (await listed(service, "access"))["active"].key_id
    call = service.signing_keys.RevokeSigningKey(pb2.RevokeSigningKeyRequest(key_id=key_id), metadata=caller)
    await refused(call, "PERMISSION_DENIED")
    await refused(service.signing_keys.ListSigningKeys(pb2.ListSigningKeysRequest()), "UNAUTHENTICATED")


async def test_on_demand_a_key_is_published_once(own: Running) -> None:
    before = (await listed(own, "access"))["active"].key_id
    coming = await rotate(own, "access")
    assert coming.state == pb2.SigningKey.STATE_NEXT
    assert await rotate(own, "access") == coming
    waits = coming.activate_time.ToDatetime() - coming.create_time.ToDatetime()
    assert waits == own.settings.key_publish_ahead + timedelta(seconds=5)
    assert await key_ids(own) == {before, coming.key_id}
    assert key_of((await _token(own)).access_token) == before
    assert await events(own, "published") == [f"access {coming.key_id}"]
    async with rotation(own) as rotating:
        own.clock.shift(waits)
        assert await rotating.step() == 1
    await until(lambda: _signs_with(own, coming.key_id))
    rows = await own.audit(event="signing_key.published")
    assert {row["actor"] for row in rows} == {own.made["operator"]["client_id"]}


async def test_immediately_it_signs_at_once_and_the_old_one_verifies(own: Running) -> None:
    old = await _token(own)
    async with another(own) as other:
        made = await rotate(own, "access", immediately=True)
        assert made.state == pb2.SigningKey.STATE_ACTIVE
        new = await _token(own)
        assert key_of(new.access_token) == made.key_id
        for replica in (own, other):
            assert await accepted(replica, old)
            assert await accepted(replica, new)
        # What the next one makes is believed by this one, whoever has heard of the change.
        assert await accepted(own, await _token(other))
    assert await rotate(own, "access", immediately=True) != made


async def test_a_refresh_token_of_a_key_that_this_process_has_not_heard_of(own: Running) -> None:
    app = await own.jwt_app()
    user_id = await own.user()
    async with another(own) as other:
        for _ in range(5):
            await rotate(own, "refresh", immediately=True)
            first = await own.by_assertion(app, user_id)
            second = await other.refresh(app, first.refresh_token)
            await own.refresh(app, second.refresh_token)


async def test_such_a_token_is_looked_at_and_revoked_too(own: Running) -> None:
    """A revocation that was answered and did nothing would be found out by nobody."""
    app = await own.web_app()
    user_id = await own.user()
    made = await own.redeem(app, await own.code(app, user_id))
    async with another(own) as other, _asked_for_keys(other, app, made.refresh_token):
        for _ in range(5):
            token = (await own.redeem(app, await own.code(app, user_id))).refresh_token
            await rotate(own, "refresh", immediately=True)
            token = (await own.refresh(app, token)).refresh_token
            assert (await other.introspect(app, token)).active
            await rotate(own, "refresh", immediately=True)
            token = (await own.refresh(app, token)).refresh_token
            await other.revoke(app, token)
            await refused(own.refresh(app, token), "INVALID_REFRESH_TOKEN")


@asynccontextmanager
async def _asked_for_keys(service: Running, app: App, token: str) -> AsyncIterator[None]:
    """Strangers make keys up meanwhile: who hears of a new one has to wait for its turn to look for it."""
    raw = bytearray(jws.decode(token))
    # The last letter of the key's id, before the MAC.
    raw[-33] ^= 1
    made_up = jws.encode(bytes(raw))

    async def ask() -> None:
        while True:
            await refused(service.refresh(app, made_up), "INVALID_REFRESH_TOKEN")

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking


async def test_sessions_survive_new_mac_keys(own: Running) -> None:
    app = await own.jwt_app()
    token = (await own.by_assertion(app, await own.user())).refresh_token
    for _ in range(3):
        await rotate(own, "refresh", immediately=True)
        successor = (await own.refresh(app, token)).refresh_token
        # An answer that was lost: the same generation again, which is what counts.
        repeated = (await own.refresh(app, token)).refresh_token
        assert repeated == successor
        token = successor


async def test_a_key_that_was_revoked_verifies_nothing_within_a_second(own: Running) -> None:
    async with another(own) as other:
        old = await _token(own)
        key_id = key_of(old.access_token)
        for replica in (own, other):
            assert await accepted(replica, old)
        began = time.monotonic()
        ended = await revoke(own, key_id)
        assert ended.state == pb2.SigningKey.STATE_RETIRED
        assert ended.revoke_time == ended.retire_time
        assert not await accepted(own, old)
        await until(lambda: _refuses(other, old))
        # On a machine that has time for it.
        assert time.monotonic() - began < 5
        for replica in (own, other):
            new = await _token(replica)
            assert key_of(new.access_token) != key_id
            assert await accepted(own, new)
            assert await accepted(other, new)
            assert key_id not in await key_ids(replica)
            assert key_id not in await verification_key_ids(replica)
            verified(new.access_token, await jwks(replica))
    async with own.database() as database:
        rows = await database.fetch("select kind, subject from token.revocation where domain_id = $1", DOMAIN)
        private = await database.fetchval("select private_key from token.signing_key where key_id = $1", key_id)
    assert [tuple(row) for row in rows] == [("key", key_id)]
    assert private == b""


async def test_revoking_twice_changes_nothing(own: Running) -> None:
    key_id = (await listed(own, "access"))["active"].key_id
    first = await revoke(own, key_id)
    assert await revoke(own, key_id) == first
    assert await events(own, "revoked") == [f"access {key_id}"]
    assert len(await events(own, "activated")) == 1


async def test_what_was_published_takes_the_place_of_what_was_revoked(own: Running) -> None:
    coming = await rotate(own, "access")
    await revoke(own, (await listed(own, "access"))["active"].key_id)
    keys = await listed(own, "access")
    assert set(keys) == {"active"}
    assert keys["active"].key_id == coming.key_id


async def test_keys_that_do_not_sign_are_revoked_alone(own: Running) -> None:
    old = await _token(own)
    await rotate(own, "access", immediately=True)
    await rotate(own, "access")
    keys = await listed(own, "access")
    await revoke(own, keys["retiring"].key_id)
    await revoke(own, keys["next"].key_id)
    assert await listed(own, "access") == {"active": keys["active"]}
    assert not await accepted(own, old)
    assert await accepted(own, await _token(own))


async def test_many_revoke_one_key_at_once(own: Running) -> None:
    operator = await own.operator()
    key_id = (await listed(own, "refresh"))["active"].key_id
    request = pb2.RevokeSigningKeyRequest(key_id=key_id)
    await asyncio.gather(
        *(own.signing_keys.RevokeSigningKey(request, metadata=operator) for _ in range(8)),
        *(
            own.signing_keys.RotateSigningKey(
                pb2.RotateSigningKeyRequest(use=pb2.SigningKey.USE_REFRESH, immediately=True), metadata=operator
            )
            for _ in range(8)
        ),
    )
    assert len(await events(own, "revoked")) == 1
    assert "active" in await listed(own, "refresh")
    app = await own.jwt_app()
    await own.refresh(app, (await own.by_assertion(app, await own.user())).refresh_token)


async def test_a_mac_key_that_was_revoked_ends_the_sessions_that_it_signed_alone(own: Running) -> None:
    app = await own.jwt_app()
    left = await own.by_assertion(app, await own.user())
    moved = await own.by_assertion(app, await own.user())
    old = (await listed(own, "refresh"))["active"].key_id
    await rotate(own, "refresh", immediately=True)
    moved = await own.refresh(app, moved.refresh_token)
    begun = await own.by_assertion(app, await own.user())
    async with another(own) as other:
        await revoke(own, old)
        await refused(own.refresh(app, left.refresh_token), "INVALID_REFRESH_TOKEN")
        await asyncio.sleep(1)
        await refused(other.refresh(app, left.refresh_token), "INVALID_REFRESH_TOKEN")
        for token in (moved, begun):
            await other.refresh(app, (await own.refresh(app, token.refresh_token)).refresh_token)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("typ", ["JWT", "at+jwt"])
async def test_each_algorithm_is_verified_by_everybody(own: Running, algorithm: str, typ: str, tmp_path: Path) -> None:
    app = await own.jwt_app()
    async with own.database() as database:
        await database.execute("update token.domain set algorithm = $1", algorithm)
        await database.execute("update token.app set token_type = $1 where client_id = $2", typ, app.client_id)
    made = await rotate(own, "access", immediately=True)
    assert (made.algorithm, made.jwk.alg) == (algorithm, algorithm)
    user_id = await own.user()
    await until(lambda: _is_typ(own, app, user_id, typ))
    token = await own.by_assertion(app, user_id)
    decoded = verified(token.access_token, await jwks(own))
    assert decoded.header == {"alg": algorithm, "typ": typ, "kid": made.key_id}
    assert decoded.claims["sub"] == user_id
    assert await accepted(own, token)
    remote = RemoteKeys(own.settings.listen, tmp_path)
    try:
        await remote.ask()
        key = remote.get(made.key_id)
        assert key
        assert (key.algorithm, key.domain_id) == (algorithm, DOMAIN)
    finally:
        await remote.close()


async def test_processes_hear_of_a_change_when_it_is_committed(own: Running) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with own.database() as database, database.connection() as connection:

        def listen(*said: object) -> None:
            heard.put_nowait(str(said[-1]))

        await connection.add_listener("token_changes", listen)
        await rotate(own, "edge")
        assert await asyncio.wait_for(heard.get(), 10) == f"signing_key:{DOMAIN}"
        await connection.remove_listener("token_changes", listen)


async def test_a_keyring_reads_what_has_changed_alone(own: Running) -> None:
    loads: list[int] = []
    vault = Vault(own.settings.master_key.secret)
    async with own.database() as database:
        store = Store(database)

        async def changed(since: str) -> object:
            rows, seen = await store.select_changed_signing_keys(since)
            loads.append(len(rows))
            return rows, seen

        keyring = Keyring(store.select_signing_keys, changed, vault)  # type: ignore[arg-type]
        await keyring.ask()
        signing = keyring.active(DOMAIN, "edge")
        await keyring.ask()
        assert (await rotate(own, "access")).key_id not in {key.key_id for key in keyring.verification_keys()}
        await keyring.ask()
        assert keyring.active(DOMAIN, "edge") is signing
        newest, _ = keyring.verification_keys("access", DOMAIN)
        assert newest.key_id == (await listed(own, "access"))["next"].key_id
    assert loads == [0, 1]


async def _verifies(service: Running, key_id: str) -> bool:
    return key_id in await verification_key_ids(service)


async def _signs_with(service: Running, key_id: str) -> bool:
    return key_of((await _token(service)).access_token) == key_id


async def _refuses(service: Running, token: token_pb2.Token) -> bool:
    return not await accepted(service, token)


async def _is_typ(service: Running, app: App, user_id: str, typ: str) -> bool:
    token = await service.by_assertion(app, user_id)
    return jws.read(token.access_token).header["typ"] == typ
