import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.sql import load_queries
from services.runtime.vault import Vault
from services.token.keys import Keyring
from services.token.model import StoredKey
from services.token.store import Store
from tests.support.calls import NOT_SERVING, SERVING, refusal_in, refused, until_health
from tests.support.signing_keys import rotate, rotation, until, verification_key_ids
from tests.support.token import Running, run_bootstrap, serving, settings_of
from tests.support.token_client import App, content

SQL = Path(__file__).parents[2] / "services" / "token" / "store" / "signing_keys.sql"


async def test_a_service_that_was_started_first_finds_its_keys(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    async with serving(settings, {}) as service:
        await until_health(service.channel, NOT_SERVING)
        listing = token_service_pb2.ListVerificationKeysRequest()
        await refused(service.keys.ListVerificationKeys(listing), "UNAVAILABLE")
        service.made = await run_bootstrap(settings, tmp_path)
        await until_health(service.channel, SERVING)
        await service.operator()


async def test_what_becomes_of_a_key_is_soon_known(own: Running) -> None:
    app = await own.jwt_app()
    user_id, newcomer = await own.user(), await own.user()
    before = await own.by_assertion(app, user_id)
    operator, minter = await own.operator(), await own.minter()
    async with own.database() as database:
        # As if it were being replaced, and the one that replaces it not there yet.
        await database.execute(
            "update token.signing_key set state = 'retiring', xid = pg_current_xact_id() where use = 'refresh'"
        )
    async with asyncio.timeout(15):
        while await can_make_refresh_tokens(own, app, user_id):
            await asyncio.sleep(0.05)
    # There is none to make new refresh tokens with: that is ours to mend, and costs the client nothing.
    for _ in range(30):
        await refused(own.refresh(app, before.refresh_token), "UNAVAILABLE")
    issue = token_service_pb2.IssueTokenRequest(
        domain_id="bj1", user_id=newcomer, client_id=app.client_id, proof=token_pb2.Proof(method="link")
    )
    await refused(own.mint.IssueToken(issue, metadata=minter), "UNAVAILABLE")
    async with own.database() as database:
        await database.execute("update token.signing_key set state = 'active', xid = pg_current_xact_id()")
    async with asyncio.timeout(15):
        while not await can_make_refresh_tokens(own, app, user_id):
            await asyncio.sleep(0.05)
    # Nor does the user count as one who was given a token.
    assert (await own.mint.IssueToken(issue, metadata=minter)).is_first_login
    after = await own.refresh(app, before.refresh_token)
    assert (await own.audit(event="refresh_token.issued"))[-1]["detail"] == "rotated"
    assert content(after.access_token)["sid"] == content(before.access_token)["sid"]
    request = token_service_pb2.GetUserRequest(domain_id="bj1", user_id="x")
    await refused(own.mint.GetUser(request, metadata=operator), "PERMISSION_DENIED")


async def can_make_refresh_tokens(service: Running, app: App, user_id: str) -> bool:
    try:
        await service.by_assertion(app, user_id)
    except grpc.aio.AioRpcError as error:
        assert refusal_in(error).reason == "UNAVAILABLE"  # noqa: PT017 tried again
        return False
    return True


async def test_what_strangers_make_up_wears_out_nobody(own: Running) -> None:
    looks = 0
    async with own.database() as database:
        store = Store(database)

        async def look(since: str) -> tuple[list[StoredKey], str | None]:
            nonlocal looks
            looks += 1
            return await store.select_changed_signing_keys(since)

        keyring = Keyring(store.select_signing_keys, look, Vault(own.settings.master_key.secret))
        await keyring.ask()
        for _ in range(5):
            await asyncio.gather(*(keyring.ask() for _ in range(200)))
    assert looks == 5


async def test_who_asks_hears_of_what_was_there_when_he_asked(own: Running) -> None:
    """Also where others have begun to look a moment before."""
    held, going_on = asyncio.Event(), asyncio.Event()
    async with own.database() as database:
        store = Store(database)

        async def slow(since: str) -> tuple[list[StoredKey], str | None]:
            found = await store.select_changed_signing_keys(since)
            held.set()
            await going_on.wait()
            return found

        keyring = Keyring(store.select_signing_keys, slow, Vault(own.settings.master_key.secret))
        await keyring.ask()
        earlier = asyncio.create_task(keyring.ask())
        await held.wait()
        made = await rotate(own, "access")
        later = asyncio.create_task(keyring.ask())
        await asyncio.sleep(0)
        going_on.set()
        await earlier
        assert keyring.get(made.key_id) is None
        await later
        assert keyring.get(made.key_id)


async def test_a_database_that_was_set_back_is_read_anew(own: Running) -> None:
    """As after a restore to an earlier moment, while processes run on."""
    async with own.database() as database:
        store = Store(database)
        keyring = Keyring(
            store.select_signing_keys, store.select_changed_signing_keys, Vault(own.settings.master_key.secret)
        )
        await keyring.ask()
        await rotate(own, "access")
        lost, *_ = (await database.fetch("delete from token.signing_key where state = 'active' returning key_id"))[0]
        keyring._seen = str(int(keyring._seen or 0) + 1_000_000)
        await keyring.ask()
        there = await database.fetch("select key_id from token.signing_key where public_key is not null")
    assert keyring.get(lost) is None
    assert {key.key_id for key in keyring.verification_keys()} == {row["key_id"] for row in there}


async def test_the_look_does_not_grow_with_the_keys(own: Running) -> None:
    query = load_queries(SQL)["select_changed_signing_keys"].replace("$1::text", "$1")
    async with own.database() as database, database.connection() as connection:
        await connection.execute(
            "insert into token.domain (domain_id, issuer, scopes, created_at) "
            "select 'd' || n, 'https://d' || n, '{}', now() from generate_series(1, 2000) n"
        )
        await connection.execute(
            "insert into token.signing_key "
            "(domain_id, key_id, use, algorithm, state, private_key, created_at, activates_at) "
            "select 'd' || n, 'k' || n, 'refresh', 'HS256', 'active', '', now(), now() from generate_series(1, 2000) n"
        )
        await connection.execute("analyze token.signing_key, token.domain")
        await connection.execute("set plan_cache_mode = force_generic_plan")
        await connection.execute(f"prepare look (text) as {query}")
        now = await connection.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text")
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain analyze execute look ('{now}')"))
        await connection.execute("deallocate look")
        await connection.execute("reset plan_cache_mode")
    assert "signing_key_xid" in plan, plan
    assert "Seq Scan on signing_key" not in plan, plan


async def test_the_previous_version_goes_on(own: Running) -> None:
    """What it runs, as long as some of its processes are there, is run by what this version left."""
    version = "select coalesce(sum(version), 0)::bigint from token.signing_key"
    async with own.database() as database:
        before = await database.fetchval(version)
        await rotate(own, "access")
        published = await database.fetchval(version)
        await rotate(own, "access", immediately=True)
        activated = await database.fetchval(version)
        assert len({before, published, activated}) == 3
        # Its bootstrap, of a domain of its own.
        await database.execute(
            "insert into token.domain (domain_id, issuer, scopes, created_at) "
            "values ('theirs', 'https://theirs', '{}', now())"
        )
        await database.execute(
            "insert into token.signing_key "
            "(domain_id, key_id, use, algorithm, state, public_key, private_key, created_at) "
            "select 'theirs', 'theirs', use, algorithm, 'active', public_key, private_key, now() "
            "from token.signing_key where use = 'edge'"
        )
        rows = await database.fetch("select private_key from token.signing_key k where k.state <> 'retired'")
    vault = Vault(own.settings.master_key.secret)
    assert all(vault.fits(row["private_key"]) for row in rows)
    await until(lambda: _verifies(own, "theirs"))
    await own.shift(timedelta(days=90))
    async with rotation(own) as rotating, own.database() as database:
        await rotating.step()
        found = await database.fetch("select state from token.signing_key where domain_id = 'theirs' order by state")
    assert [row["state"] for row in found] == ["active", "next"]


async def _verifies(service: Running, key_id: str) -> bool:
    return key_id in await verification_key_ids(service)
