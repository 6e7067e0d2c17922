"""The statements: one owner, whoever races; one domain, whoever asks."""

import asyncio
import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.account.errors import NotFoundProject
from services.account.model import Identity, OpenAccount, normalise
from services.account.store import Store, links
from tests.account.callers import Domain
from tests.account.linking import linked, unlinked

MIGRATIONS = Path(links.__file__).parents[1] / "migrations"
NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


def open_account(domain_id: str, project_id: str = "p1", open_id: str = "12345") -> OpenAccount:
    return OpenAccount(
        domain_id=domain_id,
        identity_id=uuid.uuid4(),
        project_id=project_id,
        idp="ALIOS",
        open_id=open_id,
        user_id="",
        display_name="",
        login_id="",
        mobile="",
        region="",
        create_access_key="AK1",
    )


async def test_linked_kept_taken(store: Store, domain: Domain) -> None:
    identity = normalise("ldap", "Ann")
    assert await linked(store, domain.id, identity, "u1", NOW)
    assert await linked(store, domain.id, identity, "u1", NOW + timedelta(days=1))
    assert not await linked(store, domain.id, identity, "u2", NOW)
    link = await store.select_link(domain.id, identity)
    assert (link.user_id, link.created_at, link.identity) == ("u1", NOW, "Ann")


async def test_userids_of_wecom_that_were_linked_in_capitals(
    store: Store, domain: Domain, other_domain: Domain
) -> None:
    """What the migration makes of them: one member is whose it was first, unless it is written as it should be."""
    text = (MIGRATIONS / "0035_userids_of_wecom.sql").read_text(encoding="utf-8")
    update = text[text.index("update") : text.index("-- migrate:down")]
    kept = {
        domain.id: {"ww1A:Ann": "ww1A:ann", "ww1A:ANN": "ww1A:ANN", "oAnn": "oAnn", "ww1A:JÖRG": "ww1A:JÖRG"},
        other_domain.id: {"ww1A:Ann": "ww1A:Ann", "ww1A:ann": "ww1A:ann"},
    }
    for domain_id, keys in kept.items():
        for place, key in enumerate(keys):
            identity = Identity("wechat", key, key)
            assert await linked(store, domain_id, identity, f"u{place}", NOW + timedelta(hours=place))
    await store._database.execute(update)
    for domain_id, keys in kept.items():
        for place, (given, key) in enumerate(keys.items()):
            link = await store.select_link(domain_id, Identity("wechat", key, given))
            assert link
            assert (link.identity, link.user_id) == (given, f"u{place}")


async def test_an_identity_linked_again_is_shown_as_it_was_first_given(store: Store, domain: Domain) -> None:
    await linked(store, domain.id, normalise("mobile", "139 0000 1234"), "u1", NOW)
    again = normalise("mobile", "+8613900001234")
    assert await linked(store, domain.id, again, "u1", NOW)
    link = await store.select_link(domain.id, again)
    assert (link.identity, link.extra) == ("139 0000 1234", "86")


async def test_each_domain_and_type_has_its_own_identities(store: Store, domain: Domain, other_domain: Domain) -> None:
    for place, identity in (
        (domain.id, normalise("ldap", "Ann")),
        (other_domain.id, normalise("ldap", "Ann")),
        (domain.id, normalise("ram", "Ann")),
    ):
        assert await linked(store, place, identity, uuid.uuid4().hex, NOW)


async def test_200_links_of_one_identity_by_50_users_leave_one_owner(store: Store, domain: Domain) -> None:
    identity = normalise("mobile", "13900001234")
    callers = [f"u{number % 50}" for number in range(200)]
    random.shuffle(callers)
    ends = await asyncio.gather(*(linked(store, domain.id, identity, user, NOW) for user in callers))
    owner = (await store.select_link(domain.id, identity)).user_id
    assert Counter(ends) == {True: 4, False: 196}
    assert {user for user, linked in zip(callers, ends, strict=True) if linked} == {owner}


async def test_an_identity_that_is_unlinked_while_others_link_it_has_one_owner_at_a_time(
    store: Store, domain: Domain
) -> None:
    """Whoever is told that it is linked after an unlink owns it until the next one; nobody is told so twice."""
    identity = normalise("email", "ann@corp.com")

    async def link_and_unlink(user: str) -> int:
        links = 0
        for _ in range(20):
            if await linked(store, domain.id, identity, user, NOW):
                links += 1
                assert (await store.select_link(domain.id, identity)).user_id == user
                await unlinked(store, domain.id, identity, user)
        return links

    assert sum(await asyncio.gather(*(link_and_unlink(f"u{number}") for number in range(10)))) > 0
    assert await store.select_link(domain.id, identity) is None


async def test_nobody_unlinks_anothers(store: Store, domain: Domain, other_domain: Domain) -> None:
    identity = normalise("ding", "eyy***")
    await linked(store, domain.id, identity, "u1", NOW)
    await unlinked(store, domain.id, identity, "u2")
    await unlinked(store, other_domain.id, identity, "u1")
    assert (await store.select_link(domain.id, identity)).user_id == "u1"
    await unlinked(store, domain.id, identity, "u1")
    assert await store.select_link(domain.id, identity) is None


async def test_links_of_a_user_come_oldest_first(store: Store, domain: Domain, other_domain: Domain) -> None:
    for number, name in enumerate(["c", "a", "b"]):
        await linked(store, domain.id, normalise("custom", name), "u1", NOW + timedelta(seconds=number))
    await linked(store, domain.id, normalise("custom", "d"), "u2", NOW)
    await linked(store, other_domain.id, normalise("custom", "e"), "u1", NOW)
    assert [link.identity for link in await store.select_links_of_user(domain.id, "u1")] == ["c", "a", "b"]
    assert await store.select_links_of_user(domain.id, "nobody") == []


async def test_an_open_account_needs_its_project(store: Store, domain: Domain, other_domain: Domain) -> None:
    assert await store.insert_project(other_domain.id, "p1", "Theirs", NOW)
    with pytest.raises(NotFoundProject):
        await store.insert_open_account(open_account(domain.id), NOW)


async def test_40_makers_of_one_open_account_make_one(store: Store, domain: Domain) -> None:
    assert await store.insert_project(domain.id, "p1", "Ours", NOW)
    assert not await store.insert_project(domain.id, "p1", "Ours again", NOW)
    made = await asyncio.gather(*(store.insert_open_account(open_account(domain.id), NOW) for _ in range(40)))
    assert sum(made) == 1


async def test_an_open_account_is_found_in_its_domain_alone(store: Store, domain: Domain, other_domain: Domain) -> None:
    await store.insert_project(domain.id, "p1", "Ours", NOW)
    account = open_account(domain.id)
    await store.insert_open_account(account, NOW)
    assert await store.select_open_account(domain.id, account.identity_id) == account
    assert await store.select_open_account(other_domain.id, account.identity_id) is None
