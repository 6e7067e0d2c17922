"""BatchGetLinks: many identities in one statement, answered in their order."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tessera.account.v1 import account_service_pb2
from tessera.account.v1 import link_service_pb2 as pb2

from services.account.model import normalise
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.lists import READ
from tests.account.running import VAULT, Account
from tests.support.calls import Metadata, refused

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


async def get(account: Account, caller: Metadata, *asked: pb2.LinkIdentity) -> list[pb2.LinkOfIdentity]:
    request = pb2.BatchGetLinksRequest(identities=asked)
    return list((await account.link_lists.BatchGetLinks(request, metadata=caller)).results)


def named(identity: str, type_: str = "custom", extra: str = "") -> pb2.LinkIdentity:
    return pb2.LinkIdentity(type=type_, identity=identity, extra=extra)


def users(results: list[pb2.LinkOfIdentity]) -> list[str]:
    """Whose each is; empty: nobody's."""
    return [result.link.user_id if result.HasField("link") else "" for result in results]


async def test_1000_in_their_order_those_not_linked_marked(alone: Account, store: Store, domain: Domain) -> None:
    for number in range(0, 1000, 2):
        assert await linked(store, domain.id, normalise("custom", f"i{number}"), f"u{number}", NOW)
    order = [*range(999, -1, -2), *range(0, 1000, 2)]
    results = await get(alone, domain.access_key(READ), *(named(f"i{number}") for number in order))
    assert users(results) == ["" if number % 2 else f"u{number}" for number in order]


async def test_an_entry_is_what_get_link_info_answers(alone: Account, store: Store, domain: Domain) -> None:
    await linked(store, domain.id, normalise("mobile", "139 0000 1234"), "u1", NOW)
    caller = domain.access_key(READ, "account.link")
    (result,) = await get(alone, caller, named("+8613900001234", "mobile"))
    request = account_service_pb2.GetLinkInfoRequest(type="mobile", identity="13900001234", extra="86")
    assert result.link == await alone.links.GetLinkInfo(request, metadata=caller)
    assert (result.link.identity, result.link.extra) == ("139 0000 1234", "86")


async def test_one_that_stands_there_several_times_is_answered_each_time(
    alone: Account, store: Store, domain: Domain
) -> None:
    await linked(store, domain.id, normalise("email", "Ann@Corp.com"), "u1", NOW)
    asked = (named("ann@corp.com", "email"), named("x"), named("ANN@CORP.COM", "email"), named("ann@corp.com", "email"))
    assert users(await get(alone, domain.access_key(READ), *asked)) == ["u1", "", "u1", "u1"]


async def test_types_and_domains_are_apart(alone: Account, store: Store, domain: Domain, other_domain: Domain) -> None:
    await linked(store, domain.id, normalise("ldap", "ann"), "u1", NOW)
    await linked(store, domain.id, normalise("ram", "ann"), "u2", NOW)
    await linked(store, other_domain.id, normalise("ding", "ann"), "u3", NOW)
    asked = [named("ann", type_) for type_ in ("ldap", "ram", "ding")]
    assert users(await get(alone, domain.access_key(READ), *asked)) == ["u1", "u2", ""]
    assert users(await get(alone, other_domain.access_key(READ), *asked)) == ["", "", "u3"]


async def test_from_1_to_1000(alone: Account, domain: Domain) -> None:
    caller = domain.access_key(READ)
    await refused(get(alone, caller), "FIELD_MISSING", "identities")
    assert len(await get(alone, caller, *(named(str(number)) for number in range(1000)))) == 1000
    await refused(get(alone, caller, *(named(str(number)) for number in range(1001))), "FIELD_INVALID", "identities")


@pytest.mark.parametrize(
    ("asked", "reason", "field"),
    [
        (named("", "custom"), "FIELD_MISSING", "identities[2].identity"),
        (named("x", ""), "FIELD_MISSING", "identities[2].type"),
        (named("x", "fax"), "FIELD_INVALID", "identities[2].type"),
        (named("12", "mobile"), "FIELD_INVALID", "identities[2].identity"),
        (named("13900001234", "mobile", "x"), "FIELD_INVALID", "identities[2].extra"),
        (named("a\tb"), "FIELD_INVALID", "identities[2].identity"),
        (named("x" * 256), "FIELD_INVALID", "identities[2].identity"),
    ],
)
async def test_one_that_is_none_is_named_by_its_place(
    alone: Account, domain: Domain, asked: pb2.LinkIdentity, reason: str, field: str
) -> None:
    refusal = await refused(get(alone, domain.access_key(READ), named("a"), named("b"), asked), reason, field)
    assert field in refusal.message


async def test_who_may(alone: Account, domain: Domain) -> None:
    for caller in (domain.access_key("account.link"), domain.user("u1"), domain.user("u1", "admin")):
        await refused(get(alone, caller, named("x")), "PERMISSION_DENIED")
    await refused(get(alone, [], named("x")), "UNAUTHENTICATED")


class Counted:
    """The database, counting what is asked of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += name in ("fetch", "fetchrow", "fetchval", "execute", "transaction", "connection")
        return getattr(self._database, name)


async def test_1000_are_one_statement(account_dsn: str, store: Store, domain: Domain) -> None:
    identities = [normalise("custom", f"{uuid.uuid4()}") for _ in range(1000)]
    for identity in identities[:500]:
        await linked(store, domain.id, identity, "u1", NOW)
    database = Database(
        account_dsn, service="test", pool_size=1, statement_timeout=timedelta(seconds=10), clock=Clock()
    )
    await database.start()
    counted = Counted(database)
    small = Store(counted, VAULT)
    before = counted.asked
    found = await small.select_links_of(domain.id, identities)
    assert counted.asked - before == 1
    assert [link is not None for link in found] == [True] * 500 + [False] * 500
    await database.close()
