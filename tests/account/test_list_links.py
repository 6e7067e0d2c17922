"""ListLinks: page by page, by user or by type, while others link and unlink."""

import asyncio
import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from services.account.model import TYPES, normalise
from services.account.store import Store
from tests.account.callers import Domain
from tests.account.linking import linked, unlinked
from tests.account.lists import READ, list_all, list_page
from tests.account.running import Account
from tests.support.calls import refused

NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
NAMED = {"mobile": "1390000{:04}", "email": "a{:03}@corp.com"}


async def link_some(store: Store, domain: Domain, user_id: str, count: int) -> set[tuple[str, str]]:
    """Link so many identities, of all types in turn, several in an instant."""
    made = set()
    for number in range(count):
        type_ = TYPES[number % len(TYPES)]
        text = NAMED.get(type_, "i{:03}").format(number)
        assert await linked(store, domain.id, normalise(type_, text), user_id, NOW + timedelta(seconds=number // 3))
        made.add((type_, text))
    return made


@pytest.mark.parametrize("page_size", [1, 7, 100])
async def test_a_users_links_the_oldest_first(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, page_size: int
) -> None:
    made = await link_some(store, domain, "u1", 40)
    await linked(store, domain.id, normalise("custom", "another's"), "u2", NOW)
    await linked(store, other_domain.id, normalise("custom", "another domain's"), "u1", NOW)
    found = await list_all(alone, domain.access_key(READ), user_id="u1", page_size=page_size)
    assert len(found) == len(made)
    assert {(link.authentication_type, link.identity) for link in found} == made
    assert [link.created_at for link in found] == sorted(link.created_at for link in found)
    emails = await list_all(alone, domain.access_key(READ), user_id="u1", type="email", page_size=page_size)
    assert {link.identity for link in emails} == {text for type_, text in made if type_ == "email"}


@pytest.mark.parametrize("page_size", [1, 7, 100])
async def test_a_domains_links_of_one_type_and_of_all(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, page_size: int
) -> None:
    made = await link_some(store, domain, "u1", 40)
    await linked(store, other_domain.id, normalise("custom", "another domain's"), "u1", NOW)
    caller = domain.access_key(READ)
    found = await list_all(alone, caller, page_size=page_size)
    assert [(link.authentication_type, link.identity) for link in found] == sorted(made)
    for type_ in TYPES:
        of_type = await list_all(alone, caller, type=type_, page_size=page_size)
        assert [link.identity for link in of_type] == sorted(text for kind, text in made if kind == type_)


async def test_pages_while_others_link_and_unlink(alone: Account, store: Store, domain: Domain) -> None:
    """What is there all the while stands on one page, once."""
    staying = [normalise("custom", f"stays {number:03}") for number in range(100)]
    for identity in staying:
        await linked(store, domain.id, identity, "u1", NOW)
    going = True

    async def change(seed: int) -> None:
        while going:
            # Before, between and after those that stay.
            identity = normalise("custom", f"{'astz'[seed % 4]} {uuid.uuid4()}")
            await linked(store, domain.id, identity, "u1", NOW - timedelta(days=1) + seed * timedelta(hours=12))
            await unlinked(store, domain.id, identity, "u1")

    changing = asyncio.gather(*(change(seed) for seed in range(4)))
    for fields in ({}, {"type": "custom"}, {"user_id": "u1"}):
        found = [link.identity for link in await list_all(alone, domain.access_key(READ), page_size=9, **fields)]
        assert len(found) == len(set(found))
        assert [identity for identity in found if identity.startswith("stays")] == [each.given for each in staying]
    going = False
    await changing


async def test_the_longest_identities_have_pages_too(alone: Account, store: Store, domain: Domain) -> None:
    names = ["\N{GRINNING FACE}" * 254 + letter for letter in "abc"]
    for name in names:
        await linked(store, domain.id, normalise("custom", name), "u1", NOW)
    for fields in ({}, {"type": "custom"}, {"user_id": "u1"}):
        found = await list_all(alone, domain.access_key(READ), page_size=1, **fields)
        assert [link.identity for link in found] == names


async def test_nobody_has_none(alone: Account, domain: Domain) -> None:
    assert await list_all(alone, domain.access_key(READ)) == []
    assert await list_all(alone, domain.access_key(READ), user_id="nobody", type="email") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user_id": "a b"}, "user_id"),
        ({"type": "fax"}, "type"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "x"}, "page_token"),
    ],
)
async def test_no_listing(alone: Account, domain: Domain, fields: dict[str, object], field: str) -> None:
    await refused(list_page(alone, domain.access_key(READ), **fields), "FIELD_INVALID", field)


async def test_a_page_token_is_of_one_listing_and_one_domain(
    alone: Account, store: Store, domain: Domain, other_domain: Domain
) -> None:
    await link_some(store, domain, "u1", 3)
    caller = domain.access_key(READ)
    token = (await list_page(alone, caller, page_size=1)).next_page_token
    for fields in ({"type": "custom"}, {"user_id": "u1"}):
        await refused(list_page(alone, caller, page_token=token, **fields), "FIELD_INVALID", "page_token")
    theirs = other_domain.access_key(READ)
    await refused(list_page(alone, theirs, page_token=token), "FIELD_INVALID", "page_token")
    # Times that Postgres or Python would choke on.
    fingerprint = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:12]
    for moment in ("2026-11-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "infinity"):
        forged = base64.urlsafe_b64encode(fingerprint + f"{moment}\ncustom\nx".encode()).decode().rstrip("=")
        await refused(list_page(alone, caller, page_token=forged), "FIELD_INVALID", "page_token")


async def test_who_may(alone: Account, domain: Domain) -> None:
    for caller in (domain.access_key("account.link"), domain.user("u1"), domain.user("u1", "superadmin")):
        await refused(list_page(alone, caller), "PERMISSION_DENIED")
    await refused(list_page(alone, []), "UNAUTHENTICATED")
