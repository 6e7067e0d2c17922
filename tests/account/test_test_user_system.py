"""TestUserSystem: what is wrong, in words, in time, and without the secret."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.account.actions.user_systems import test_user_system as action
from services.account.errors import LogonRefused
from services.account.model.user_systems import CustomSettings, EmailSettings, UserSystem, UserSystemSettings
from services.account.resources import Resources
from services.account.senders.console import ConsoleSender
from services.account.store import Store
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import Unavailable
from services.runtime.vault import Vault
from tests.account.callers import Domain

SECRET = "s3cret"
CUSTOM = CustomSettings("https://id.example.com", "tessera")

Found = Callable[[UserSystem], Awaitable[list[str]]]


class Connector:
    """Finds what a test says."""

    def __init__(self, found: Found) -> None:
        self.test = found


async def problems(
    resources: Resources, store: Store, domain: Domain, settings: UserSystemSettings = CUSTOM, **connectors: Connector
) -> list[str]:
    """Make a user system, and try it."""
    secret = SECRET if settings is CUSTOM else ""
    system = UserSystem(domain.id, str(uuid.uuid4()), settings, secret=secret, has_secret=bool(secret))
    assert await store.insert_user_system(system, Clock().now())
    caller = Principal("access_key", "AK1", domain.id, "AK1", frozenset({"account.admin"}))
    parts = replace(resources, connectors=connectors)
    return await action.test_user_system(parts, caller, user_system_id=system.user_system_id)


async def test_a_connector_is_asked_with_the_secret(resources: Resources, store: Store, domain: Domain) -> None:
    asked = []

    async def nothing(system: UserSystem) -> list[str]:
        asked.append((system.settings, system.secret))
        return []

    assert await problems(resources, store, domain, custom=Connector(nothing)) == []
    assert asked == [(CUSTOM, SECRET)]


async def test_what_it_finds_is_bounded_and_has_no_secret_in_it(
    resources: Resources, store: Store, domain: Domain
) -> None:
    async def much(system: UserSystem) -> list[str]:
        return [f"It says: {system.secret} is wrong.", *["x" * 10_000] * 100]

    first, *others = await problems(resources, store, domain, custom=Connector(much))
    assert first == "It says: *** is wrong."
    assert (len(others), {len(each) for each in others}) == (19, {500})


@pytest.mark.parametrize("error", [Unavailable("provider", detail="inner text"), LogonRefused("refused", "inner text")])
async def test_a_failure_is_told_in_words_of_ours(
    resources: Resources, store: Store, domain: Domain, error: Exception
) -> None:
    async def fails(_system: UserSystem) -> list[str]:
        raise error

    (problem,) = await problems(resources, store, domain, custom=Connector(fails))
    assert problem == "It is away, or answers what it should not."


async def test_it_ends_in_time(
    resources: Resources, store: Store, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_system: UserSystem) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(action, "SECONDS", 0.1)
    assert await problems(resources, store, domain, custom=Connector(hangs)) == [
        "It gave no answer within 0.1 seconds."
    ]


async def test_what_cannot_be_asked(resources: Resources, store: Store, domain: Domain) -> None:
    (problem,) = await problems(resources, store, domain)
    assert problem == "This installation cannot ask user systems of type custom."
    (problem,) = await problems(resources, store, domain, EmailSettings())
    assert problem == "This installation cannot send codes to identities of type email."


async def test_codes_are_the_senders(resources: Resources, store: Store, domain: Domain) -> None:
    assert await problems(replace(resources, sender=ConsoleSender(Path())), store, domain, EmailSettings()) == []


async def test_a_lost_master_key_is_told(resources: Resources, database: Database, domain: Domain) -> None:
    async def unasked(_system: UserSystem) -> list[str]:
        raise AssertionError

    lost = Store(database, Vault(b"b" * 32))
    (problem,) = await problems(resources, lost, domain, custom=Connector(unasked))
    assert "another master key" in problem
