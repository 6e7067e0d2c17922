"""Attacks on logging on with a directory: by name and password, on the way there, and by the directory itself."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import ldap3
import pytest
import pytest_asyncio
from ldap3.operation.bind import bind_operation
from ldap3.protocol.rfc4511 import AuthenticationChoice, Simple

from services.account.connectors.ldap import Ldap
from services.account.connectors.ldap.connector import SECONDS
from services.account.errors import LogonRefused
from services.account.model.user_systems import UserSystem
from services.account.providers.names import Names
from services.runtime.errors import Unavailable
from tests.support import slapd
from tests.support.odd_directories import BIND, message, odd_directory, result
from tests.support.slapd import HOST, PEOPLE, SEARCHER_PASSWORD, Slapd, look_up, person, running_slapd

pytestmark = pytest.mark.skipif(slapd.find() is None, reason="slapd (a system's package) is missing")

_INJECTIONS = [
    "*",
    "a*",
    "*nn",
    "ann)",
    "ann)(uid=*",
    "ann)(|(uid=*",
    "*)(uid=*))(|(uid=*",
    "ann))(|(objectClass=*",
    "ann)(!(uid=nobody))",
    "nobody)(|(uid=ann",
    "(ann)",
    "&(uid=ann)",
    "|(uid=ann)",
    "!(uid=nobody)",
    "a\\6e\\6e",
    "\\2a",
    "\\",
    "ann\\",
    "=ann",
    "ann\\29\\28uid=\\2a",
    "cn=ann,ou=people,dc=example,dc=com",
    "nobody)(cn:dn:=ann",
    "nobody)(uid>=a",
    "nobody)(uid~=ann",
]
_UNASKABLE = ["", "a" * 256, "ann\0", "ann\n", "\x1bann", "ann\u2028", "\ud800ann"]


@pytest_asyncio.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Slapd]:
    hashed = slapd.slowly_hashed("right")
    people = [person("ann", userPassword="right"), person("slow", userPassword=hashed)]
    async with running_slapd(tmp_path_factory.mktemp("ldap") / "shared", people) as running:
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


async def refused(ldap: Ldap, system: UserSystem, name: str, password: str) -> None:
    with pytest.raises(LogonRefused, match=r"^wrong_credentials$"):
        await ldap.prove(system, name, password)


async def unavailable(ldap: Ldap, system: UserSystem) -> str:
    """Why, as the log has it."""
    with pytest.raises(Unavailable) as caught:
        await ldap.prove(system, "ann", "right")
    assert caught.value.message == "The provider is unavailable. Try again."
    assert "right" not in str(caught.value)
    assert SEARCHER_PASSWORD not in str(caught.value)
    return str(caught.value.detail)


@pytest.mark.parametrize("name", _INJECTIONS)
async def test_a_name_is_a_value_and_no_filter(ldap: Ldap, directory: Slapd, name: str) -> None:
    for filter_ in ("(uid={name})", "(&(objectClass=inetOrgPerson)(|(uid={name})(cn={name})))"):
        await refused(ldap, directory.system(filter=filter_), name, "right")
    await ldap.prove(directory.system(), "ann", "right")


@pytest.mark.parametrize("name", _UNASKABLE)
async def test_names_that_no_directory_is_asked_about(ldap: Ldap, directory: Slapd, name: str) -> None:
    await refused(ldap, directory.system(), name, "right")


async def test_without_a_password_nobody_is_let_in_by_a_directory_that_would(ldap: Ldap, directory: Slapd) -> None:
    connection = ldap3.Connection(ldap3.Server("127.0.0.1", directory.ldap, get_info=ldap3.NONE))
    connection.open(read_server_info=False)
    bind = bind_operation(3, ldap3.SIMPLE, f"cn=ann,{PEOPLE}", "x")
    bind["authentication"] = AuthenticationChoice().setComponentByName("simple", Simple(b""))
    connection.post_send_single_response(connection.send("bindRequest", bind))
    assert connection.result["description"] == "success"
    connection.strategy.close()
    # A soft hyphen alone is what the library's rules for passwords leave nothing of.
    for password in ("", "\u00ad", "\0", " ", "x" * 1025, "\ud800"):
        await refused(ldap, directory.system(), "ann", password)


async def test_time_does_not_tell_who_is_there(ldap: Ldap, directory: Slapd) -> None:
    system = directory.system()

    async def seconds(name: str) -> float:
        began = time.monotonic()
        await refused(ldap, system, name, "wrong")
        return time.monotonic() - began

    # Whoever is the first to be looked at shows how long that takes.
    for _ in range(3):
        await seconds("slow")
    there, not_there = [], []
    for number in range(10):
        there.append(await seconds("slow"))
        not_there.append(await seconds(f"nobody{number}"))
    # Without the wait the one takes tens of times as long as the other.
    assert 0.5 < statistics.median(not_there) / statistics.median(there) < 2


async def test_no_password_is_sent_where_there_is_no_tls(ldap: Ldap, tmp_path: Path) -> None:
    async with (
        running_slapd(tmp_path / "plain", [person("ann", userPassword="right")], tls=False) as plain,
        recorded(plain.ldap) as (port, sent),
    ):
        system = plain.system(url=f"ldap://{HOST}:{port}")
        assert "does not offer StartTLS" in await unavailable(ldap, system)
        # The request for StartTLS, and nothing else.
        assert b"1.3.6.1.4.1.1466.20037" in sent
        assert len(sent) < 40


async def test_what_is_recorded_would_have_shown_it(directory: Slapd) -> None:
    async with recorded(directory.ldap) as (port, sent):

        def bind() -> None:
            server = ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE)
            with ldap3.Connection(server, f"cn=ann,{PEOPLE}", "right"):
                pass

        await asyncio.to_thread(bind)
        assert b"right" in sent


async def test_a_certificate_that_is_not_the_directorys(ldap: Ldap, directory: Slapd, tmp_path: Path) -> None:
    async with running_slapd(
        tmp_path / "other", [person("ann", userPassword="right")], name="other.example.com"
    ) as other:
        for ldaps in (True, False):
            # Of somebody else, whom the same authority vouches for; and of nobody whom anybody vouches for.
            assert "Hostname mismatch" in await unavailable(ldap, other.system(ldaps=ldaps))
            by_another = other.system(ldaps=ldaps, ca_pem=directory.authority.certificate)
            assert "is not believed" in await unavailable(ldap, by_another)
            by_this_machine = other.system(ldaps=ldaps, ca_pem="")
            assert "is not believed" in await unavailable(ldap, by_this_machine)


async def test_an_address_that_is_not_public_is_not_connected_to(ldap: Ldap) -> None:
    visitors = []
    async with listening(visitors) as port:
        for host in (HOST, "127.0.0.1"):
            url = f"ldaps://{host}:{port}"
            system = UserSystem("d1", "u1", slapd.settings(url=url), secret=SEARCHER_PASSWORD)
            assert "no public address" in await unavailable(ldap, system)
            assert any("no public address" in problem for problem in await ldap.test(system))
    assert not visitors


async def test_references_to_other_directories_are_not_followed(ldap: Ldap, tmp_path: Path) -> None:
    visitors: list[str] = []
    async with listening(visitors) as port:
        elsewhere = f"ldap://127.0.0.1:{port}"
        there = f"{elsewhere}/{PEOPLE}"
        people = [
            person("ann", userPassword="right"),
            f"dn: cn=away,{PEOPLE}\nobjectClass: referral\nobjectClass: extensibleObject\ncn: away\nref: {there}\n",
        ]
        async with running_slapd(tmp_path / "referring", people, referral=elsewhere) as referring:
            await ldap.prove(referring.system(), "ann", "right")
            await refused(ldap, referring.system(), "away", "right")
            assert "referral" in await unavailable(ldap, referring.system(base_dn="dc=elsewhere"))
            at_once = referring.system(base_dn=f"cn=away,{PEOPLE}")
            assert "referral" in await unavailable(ldap, at_once)
    assert not visitors


async def test_a_directory_that_answers_without_end(ldap: Ldap, tmp_path: Path) -> None:
    sent = 0

    async def endless(_: bytes, __: int, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        # A message of almost 4 GiB, as far as its beginning says.
        writer.write(b"\x30\x84\xff\xff\xff\xf0")
        while sent < 2**24 and not writer.is_closing():
            writer.write(b"\0" * 4096)
            await writer.drain()
            sent += 4096
            await asyncio.sleep(0.001)

    async with odd_directory(tmp_path, endless) as system:
        assert "more than 65536 bytes" in await unavailable(ldap, system)
    # What stood in buffers on the way.
    assert sent < 2**22


async def test_a_directory_that_answers_a_byte_at_a_time(ldap: Ldap, tmp_path: Path) -> None:
    async def trickling(_: bytes, __: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x30\x82\x10\0")
        while True:
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(0.2)

    began = time.monotonic()
    async with odd_directory(tmp_path, trickling) as system:
        assert "timed out" in await unavailable(ldap, system)
    assert time.monotonic() - began < 2 * SECONDS


@pytest.mark.parametrize(
    "answer",
    [
        b"\x30\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff" * 200,
        b"\x30\x05\x02\x01\x01\x42\x00",
        b"\x30\x80" + b"\x30\x80" * 5000,
        message(b"\x7f\x7f\x7f", result(0x61, 0)),
        message(b"\0", b"\x78\x0a\x0a\x01\x00\x04\x00\x04\x00\x8a\x01x"),
        message(b"\0", b"\x78\x1f\x0a\x01\x34\x04\x00\x04\x00\x8a\x16" + b"1.3.6.1.4.1.1466.20036"),
    ],
    ids=["empty", "http", "noise", "unbind", "deep", "another", "notice", "farewell"],
)
async def test_a_directory_that_answers_nonsense(ldap: Ldap, tmp_path: Path, answer: bytes) -> None:
    async def nonsense(_: bytes, __: int, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with odd_directory(tmp_path, nonsense) as system:
        assert "did not answer, or not as one does" in await unavailable(ldap, system)


async def test_a_directory_that_finds_itself_lets_nobody_in(ldap: Ldap, tmp_path: Path) -> None:
    """An entry without a name is bound as by nobody at all, which succeeds."""

    async def itself(message_id: bytes, operation: int, writer: asyncio.StreamWriter) -> None:
        if operation == BIND:
            # Whoever it is.
            writer.write(message(message_id, result(0x61, 0)))
        else:
            entry = b"\x64\x04\x04\x00\x30\x00"
            writer.write(message(message_id, entry) + message(message_id, result(0x65, 0)))

    async with odd_directory(tmp_path, itself) as system:
        await refused(ldap, system, "ann", "right")


@asynccontextmanager
async def recorded(port: int) -> AsyncIterator[tuple[int, bytearray]]:
    """A way to a port, and what was sent on it."""
    sent = bytearray()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)

        async def forth() -> None:
            while chunk := await reader.read(4096):
                sent.extend(chunk)
                there_writer.write(chunk)
            there_writer.close()

        async def back() -> None:
            while chunk := await there_reader.read(4096):
                writer.write(chunk)
            writer.close()

        await asyncio.gather(forth(), back(), return_exceptions=True)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], sent
    finally:
        server.close()


@asynccontextmanager
async def listening(visitors: list[str]) -> AsyncIterator[int]:
    """A port at which it is noticed who comes."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
