"""What the logon to a domain goes by: one read, of what is enabled and can be used."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.model.domain_settings import DomainSettings, FirstLogon, LogonPage
from services.account.model.user_systems import (
    SETTINGS,
    CustomSettings,
    MobileSettings,
    UserSystem,
    read_settings,
    unset_systems,
)
from services.account.resources import Resources
from services.account.senders.console import ConsoleSender
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database, connected
from services.runtime.sql import load_queries
from services.runtime.vault import Vault
from tests.account.callers import Domain

CLOCK = Clock()
STORE = Path(__file__).parents[2] / "services" / "account" / "store"
COUNTED = """
select sum(seq_scan)::bigint as scans, sum(coalesce(idx_tup_fetch, 0))::bigint as fetched
from pg_stat_xact_user_tables where schemaname = 'account' and relname in ('user_system', 'domain_settings')
"""
SETTINGS_OF_CUSTOM = CustomSettings("https://id.example.com", "tessera", ("profile",), ("ES256",))


def system(domain: Domain, **changed: object) -> UserSystem:
    values = {"settings": SETTINGS_OF_CUSTOM, "secret": "a secret", "has_secret": True}
    return UserSystem(domain.id, str(uuid.uuid4()), **(values | changed))


async def test_a_domain_that_made_none_has_mobile_and_email(store: Store, domain: Domain) -> None:
    found = await store.select_logon_systems(domain.id)
    assert found.systems == unset_systems(domain.id)
    assert [(each.type, each.enabled, each.link_only) for each in found.systems] == [
        ("mobile", True, False),
        ("email", True, False),
    ]
    assert found.settings == DomainSettings()


async def test_the_settings_of_a_domain_come_with_them(store: Store, domain: Domain) -> None:
    page = LogonPage("Example", "https://example.com/logo.png", "#123456")
    changed = replace(DomainSettings(), first_logon=FirstLogon.REFUSE, page=page, codes_per_hour=7)
    stored = await store.write_domain_settings(domain.id, changed, CLOCK.now())
    found = await store.select_logon_systems(domain.id)
    assert (found.settings, found.systems) == (stored, unset_systems(domain.id))
    await store.insert_user_system(system(domain), CLOCK.now())
    found = await store.select_logon_systems(domain.id)
    assert (found.settings, len(found.systems)) == (stored, 1)
    assert found.settings.page == page


async def test_what_is_made_is_all_there_is_and_what_is_disabled_is_not(
    store: Store, domain: Domain, other_domain: Domain
) -> None:
    kept = system(domain, link_only=True, private_addresses=True, display_name="Ours")
    off = system(domain, settings=MobileSettings(), secret="", has_secret=False, enabled=False)
    for each in (kept, off, system(other_domain)):
        assert await store.insert_user_system(each, CLOCK.now())
    (found,) = (await store.select_logon_systems(domain.id)).systems
    assert replace(found, created_at=None, version=0) == kept
    # Where all are disabled, nobody gets in: not by number, either.
    stored = await store.select_user_system(domain.id, uuid.UUID(kept.user_system_id))
    await store.update_user_system(replace(stored, enabled=False), CLOCK.now(), new_secret=False)
    assert (await store.select_logon_systems(domain.id)).systems == ()


async def test_where_a_secret_does_not_open_the_others_are_there(
    store: Store, database: Database, domain: Domain
) -> None:
    lost, other = system(domain), system(domain, settings=CustomSettings("https://other.example.com", "t"))
    await Store(database, Vault(b"b" * 32)).insert_user_system(lost, CLOCK.now())
    await store.insert_user_system(other, CLOCK.now())
    with capture_logs() as logs:
        (found,) = (await store.select_logon_systems(domain.id)).systems
    assert found.user_system_id == other.user_system_id
    assert [(each["log_level"], each["user_system_id"]) for each in logs] == [("error", lost.user_system_id)]
    # One that was moved from another row is as good as lost.
    await database.execute(
        "update account.user_system set secret = (select secret from account.user_system where domain_id = $1 and "
        "user_system_id = $2) where domain_id = $1 and user_system_id = $3",
        domain.id,
        uuid.UUID(other.user_system_id),
        uuid.UUID(lost.user_system_id),
    )
    (found,) = (await store.select_logon_systems(domain.id)).systems
    assert found.user_system_id == other.user_system_id
    # It is told to be there, and can be given its secret anew.
    stored = await store.select_user_system(domain.id, uuid.UUID(lost.user_system_id))
    assert (stored.secret, stored.has_secret) == ("", True)
    await store.update_user_system(replace(stored, secret="new"), CLOCK.now(), new_secret=True)
    assert len((await store.select_logon_systems(domain.id)).systems) == 2


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
async def test_of_many_domains_one_is_read(account_dsn: str, domain: Domain, mode: str) -> None:
    """By index, also by a plan that was made while there were none."""
    read = load_queries(STORE / "user_systems.sql")["select_logon_systems"]
    # Counted on a connection that ran no such statement before, in a transaction that leaves nothing.
    async with connected(account_dsn) as connection:
        await connection.execute(f"set plan_cache_mode = {mode}; set enable_seqscan = off")
        transaction = connection.transaction()
        await transaction.start()
        for _ in range(6):
            await connection.fetch(read, domain.id)
        await connection.execute(
            """
            insert into account.user_system (domain_id, user_system_id, type, display_name, enabled, link_only,
                                             private_addresses, settings, created_at)
            select case n when 1 then $1 else 'x' || n end, gen_random_uuid(), 'mobile', '', true, false, false, '{}',
                   now()
            from generate_series(1, 3000) n
            """,
            domain.id,
        )
        before = await connection.fetchrow(COUNTED)
        assert len(await connection.fetch(read, domain.id)) == 1
        after = await connection.fetchrow(COUNTED)
        await transaction.rollback()
    assert after["scans"] == before["scans"]
    assert after["fetched"] - before["fetched"] <= 2


async def test_codes_are_no_way_in_where_they_cannot_be_sent(resources: Resources, domain: Domain) -> None:
    assert (await find_logon_systems(resources, domain.id)).systems == ()
    sending = replace(resources, sender=ConsoleSender(Path()))
    assert [each.type for each in (await find_logon_systems(sending, domain.id)).systems] == ["mobile", "email"]
    await resources.store.insert_user_system(system(domain), CLOCK.now())
    assert [each.type for each in (await find_logon_systems(resources, domain.id)).systems] == ["custom"]


@pytest.mark.parametrize("type_", SETTINGS)
def test_settings_of_other_versions_are_read(type_: str) -> None:
    """More than we know is passed over, what is missing has its default."""
    needed = {
        "ding": {"client_id": "x"},
        "ram": {"client_id": "x", "account_ids": ["1"]},
        "wechat": {"corp_id": "x", "agent_id": "1"},
        "ldap": {"url": "ldaps://a", "base_dn": "x"},
        "custom": {"issuer": "https://a", "client_id": "x"},
    }.get(type_, {})
    settings = read_settings(type_, needed | {"of_a_later_version": 1})
    assert settings.type == type_
    assert settings == SETTINGS[type_](
        **{name: tuple(value) if isinstance(value, list) else value for name, value in needed.items()}
    )
