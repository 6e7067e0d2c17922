"""Logging on with a directory, a real one: who is let in, who is not, and what becomes of it when it is away."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from services.account.connectors.ldap import Ldap
from services.account.connectors.ldap.connector import SECONDS
from services.account.connectors.ldap.pool import AT_ONCE
from services.account.errors import LogonRefused
from services.account.model.user_systems import UserSystem
from services.account.providers.names import Names
from services.runtime.errors import Unavailable
from tests.support import slapd
from tests.support.slapd import Slapd, look_up, person, running_slapd

pytestmark = pytest.mark.skipif(slapd.find() is None, reason="slapd (a system's package) is missing")

_ANN = "0197c3a2-0000-7000-8000-00000000a001"
_GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
_PEOPLE = [
    person("ann", userPassword="right", entryUUID=_ANN, cn=["ann", "Ann Lee"], mail="ann@example.com"),
    person("star", uid="a*(b)\\c", userPassword="right"),
    person("zhang", uid="张伟", cn=["zhang", "张伟"], userPassword="密码 ½"),
    person("twin1", uid="twin", userPassword="right"),
    person("twin2", uid="twin", userPassword="right"),
    person("empty"),
    person("windows", userPassword="right", objectGUID=_GUID.bytes_le),
    person("many", userPassword="right", mail=["a@example.com", "b@example.com"]),
    person("photo", userPassword="right", jpegPhoto=b"\xff\xd8\xff", description="one\u2028two"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ldap")


@pytest_asyncio.fixture(scope="module")
async def directory(folder: Path) -> AsyncIterator[Slapd]:
    async with running_slapd(folder / "shared", _PEOPLE) as running:
        yield running


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Slapd]:
    """One that a test may kill."""
    async with running_slapd(tmp_path / "own", _PEOPLE) as running:
        yield running


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names(look_up)
    yield made
    made.close()


@pytest_asyncio.fixture
async def ldap(names: Names) -> AsyncIterator[Ldap]:
    made = Ldap(names)
    yield made
    await made.close()


async def refused(ldap: Ldap, system: UserSystem, name: str, password: str) -> str:
    """What the log is told of a logon that is refused as a wrong password is."""
    with pytest.raises(LogonRefused) as caught:
        await ldap.prove(system, name, password)
    assert caught.value.key == "wrong_credentials"
    return caught.value.detail


@pytest.mark.parametrize("ldaps", [True, False], ids=["ldaps", "starttls"])
async def test_who_knows_the_password_is_let_in(ldap: Ldap, directory: Slapd, ldaps: bool) -> None:
    for _ in range(2):
        proven = await ldap.prove(directory.system(ldaps=ldaps), "ann", "right")
        assert (proven.identity.type, proven.identity.key) == ("ldap", _ANN)
        assert proven.display_name == "ann"
        assert await refused(ldap, directory.system(ldaps=ldaps), "ann", "wrong") == "password"


async def test_names_and_passwords_are_text_of_any_kind(ldap: Ldap, directory: Slapd) -> None:
    proven = await ldap.prove(directory.system(), "张伟", "密码 ½")
    assert proven.display_name == "zhang"
    # As they are typed: not what a rule for comparing makes of them.
    await refused(ldap, directory.system(), "张伟", "密码 1\N{FRACTION SLASH}2")
    await ldap.prove(directory.system(), "a*(b)\\c", "right")


async def test_one_entry_must_match(ldap: Ldap, directory: Slapd) -> None:
    for name in ("nobody", "twin"):
        assert await refused(ldap, directory.system(), name, "right") == "nobody, or several"
    await refused(ldap, directory.system(), "empty", "right")
    assert await ldap.prove(directory.system(filter="(&(uid={name})(cn=twin1))"), "twin", "right")
    assert await ldap.prove(directory.system(filter="(|(uid={name})(mail={name}))"), "ann@example.com", "right")


async def test_anybody_searches_where_the_directory_lets_them(ldap: Ldap, directory: Slapd, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await ldap.prove(directory.system(bind_dn="", secret=""), "ann", "right")
    assert "insufficientAccessRights" in str(caught.value.detail)
    async with running_slapd(tmp_path / "open", _PEOPLE, anonymous="read") as lenient:
        assert await ldap.prove(lenient.system(bind_dn="", secret=""), "ann", "right")
        await refused(ldap, lenient.system(bind_dn="", secret=""), "ann", "wrong")


async def test_the_identity_is_the_attribute_that_the_settings_name(ldap: Ldap, directory: Slapd) -> None:
    async def identity(name: str, attribute: str) -> str:
        return (await ldap.prove(directory.system(identity_attribute=attribute), name, "right")).identity.key

    assert await identity("ann", "MAIL") == "ann@example.com"
    assert await identity("windows", "objectGUID") == str(_GUID)


@pytest.mark.parametrize(
    ("name", "attribute", "problem"),
    [
        ("ann", "objectGUID", "has 0 values of objectGUID"),
        ("many", "mail", "has 2 values of mail"),
        ("photo", "jpegPhoto", "has no text in jpegPhoto"),
        ("photo", "description", "has no text in description"),
    ],
)
async def test_an_entry_that_gives_no_identity(
    directory: Slapd, names: Names, name: str, attribute: str, problem: str
) -> None:
    ldap, system = Ldap(names), directory.system(identity_attribute=attribute)
    with pytest.raises(LogonRefused) as caught:
        await ldap.prove(system, name, "right")
    assert caught.value.key == "refused"
    assert problem in caught.value.detail
    # Nobody else hears of it.
    await refused(ldap, system, name, "wrong")
    await ldap.close()


async def test_a_directory_that_was_away_is_back(ldap: Ldap, own: Slapd) -> None:
    system = own.system()
    await ldap.prove(system, "ann", "right")
    own.kill()
    with pytest.raises(Unavailable) as caught:
        await ldap.prove(system, "ann", "right")
    assert "refused" in str(caught.value.detail)
    await own.start()
    await ldap.prove(system, "ann", "right")
    # Started anew in between: the connection that was kept is dead, and nobody notices.
    own.kill()
    await own.start()
    await ldap.prove(system, "ann", "right")


async def test_one_that_is_slow_holds_up_itself_alone(ldap: Ldap, own: Slapd, directory: Slapd) -> None:
    system = own.system()
    await ldap.prove(system, "ann", "right")
    own.hold()
    began = time.monotonic()
    stuck = [asyncio.create_task(ldap.prove(system, "ann", "right")) for _ in range(5 * AT_ONCE)]
    await asyncio.sleep(0.5)
    other = UserSystem(
        "d2", "0197c3a3", directory.system().settings, private_addresses=True, secret="searcher's password"
    )
    for _ in range(AT_ONCE):
        await ldap.prove(other, "ann", "right")
    assert not any(task.done() for task in stuck)
    answers = await asyncio.gather(*stuck, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert time.monotonic() - began < 2 * SECONDS
    own.go_on()
    await ldap.prove(system, "ann", "right")


async def test_hundreds_at_once_take_turns(ldap: Ldap, directory: Slapd) -> None:
    system, most, over = directory.system(), 0, asyncio.Event()

    async def count() -> None:
        nonlocal most
        while not over.is_set():
            there = psutil.Process().net_connections("tcp")
            most = max(most, sum(bool(each.raddr) and each.raddr.port == directory.ldaps for each in there))
            await asyncio.sleep(0.02)

    async def turn(number: int) -> None:
        match number % 3:
            case 0:
                await ldap.prove(system, "ann", "right")
            case 1:
                await refused(ldap, system, "ann", "wrong")
            case 2:
                await refused(ldap, system, f"nobody{number}", "wrong")

    counting = asyncio.create_task(count())
    # No more than are answered within the time of the first of them, on a slow machine too.
    for _ in range(4):
        await asyncio.gather(*(turn(number) for number in range(75)))
    over.set()
    await counting
    # One that searches and one that binds.
    assert 0 < most <= 2 * AT_ONCE


async def test_connections_that_search_are_kept_and_end(names: Names, directory: Slapd) -> None:
    def kept() -> int:
        there = psutil.Process().net_connections("tcp")
        return sum(bool(each.raddr) and each.raddr.port == directory.ldaps for each in there)

    ldap = Ldap(names, idle_seconds=0.5)
    for _ in range(5):
        await ldap.prove(directory.system(), "ann", "right")
    assert kept() == 1
    async with asyncio.timeout(10):
        while kept():
            await asyncio.sleep(0.1)
    await ldap.prove(directory.system(), "ann", "right")
    await ldap.close()
