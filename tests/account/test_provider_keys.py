"""Keys of providers: one whose name server or whose documents do not come holds up nobody else, nor for long."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.account.errors import IdpUnavailable
from services.account.model import Provider as Registered
from services.account.providers import ProviderKeys, documents
from services.account.providers.names import AT_ONCE, Names
from tests.support.oidc import AUDIENCE, Provider, running_provider

SECONDS = 3.0
# What a busy machine may need on top.
MORE = 5.0


class SilentNameServer:
    """A name server that answers nothing until it is told to, and who asks it as the system's resolver does: blocked.

    Names below `silent.test` are asked of it; all others are the system's.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.waiting: list[str] = []
        self.most_waiting = 0

    def look_up(self, host: str, port: int, **options: int) -> list[tuple[object, ...]]:
        if not host.endswith("silent.test"):
            return list(socket.getaddrinfo(host, port, type=options["type"]))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(30)
            asking.sendto(host.encode(), self._socket.getsockname())
            with self._lock:
                self.waiting.append(host)
                self.most_waiting = max(self.most_waiting, len(self.waiting))
            try:
                asking.recv(512)
            finally:
                with self._lock:
                    self.waiting.remove(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def speak(self) -> None:
        """Answer what was asked."""
        self._socket.setblocking(False)
        while True:
            try:
                _, asking = self._socket.recvfrom(512)
            except BlockingIOError:
                return
            self._socket.sendto(b"", asking)

    def close(self) -> None:
        self.speak()
        self._socket.close()


@pytest.fixture
def silent() -> Iterator[SilentNameServer]:
    server = SilentNameServer()
    yield server
    server.close()


@asynccontextmanager
async def provider_keys(names: Names | None = None) -> AsyncIterator[ProviderKeys]:
    keys = ProviderKeys(names)
    try:
        yield keys
    finally:
        await keys.close()


def registered(issuer: str, domain_id: str = "d1", idp: str = "ALIOS") -> Registered:
    """A provider as its row has it."""
    return Registered(
        domain_id=domain_id,
        project_id="p1",
        idp=idp,
        issuer=issuer,
        audiences=(AUDIENCE,),
        algorithms=("ES256",),
        jwks="",
        jwks_uri="",
        private_addresses=True,
        takes_links=False,
        created_at=datetime.now(UTC),
    )


async def away(keys: ProviderKeys, provider: Registered) -> float:
    """Ask for keys that cannot be had; answers how long that took, in seconds."""
    started = time.monotonic()
    with pytest.raises(IdpUnavailable):
        await keys.find(provider, "k1", "ES256")
    return time.monotonic() - started


async def test_silent_name_servers_of_a_domain_hold_up_no_other_domain(silent: SilentNameServer) -> None:
    async with running_provider() as good, provider_keys(Names(silent.look_up)) as keys:
        issuer = good.issuer.replace("127.0.0.1", "localhost")
        hanging = [
            asyncio.create_task(away(keys, registered(f"http://h{number}.silent.test", idp=f"P{number}")))
            for number in range(40)
        ]
        async with asyncio.timeout(MORE):
            while len(silent.waiting) < AT_ONCE:
                await asyncio.sleep(0.01)
        good.issuer = issuer
        assert await keys.find(registered(issuer, "d2"), "k1", "ES256")
        assert not any(task.done() for task in hanging)
        took = await asyncio.gather(*hanging)
        assert all(SECONDS - 0.5 < each < SECONDS + MORE for each in took)
        # Threads are the domain's for as long as they are blocked, whoever has given up.
        assert silent.most_waiting == AT_ONCE
        assert len(silent.waiting) == AT_ONCE


async def test_a_host_of_a_domain_is_looked_up_once_at_a_time(silent: SilentNameServer) -> None:
    names = Names(silent.look_up)
    asked = [asyncio.create_task(names.addresses("d1", "one.silent.test", 443)) for _ in range(20)]
    try:
        async with asyncio.timeout(MORE):
            while not silent.waiting:
                await asyncio.sleep(0.01)
        # Another of the domain's is not behind it.
        assert await names.addresses("d1", "127.0.0.1", 443) == ["127.0.0.1"]
        asked[0].cancel()
        silent.speak()
        for each in asked[1:]:
            assert await each == ["127.0.0.1"]
        assert silent.most_waiting == 1
    finally:
        names.close()


async def test_those_who_waited_for_a_turn_get_it(silent: SilentNameServer) -> None:
    names = Names(silent.look_up)
    hosts = [f"h{number}.silent.test" for number in range(3 * AT_ONCE)]
    asked = [asyncio.create_task(names.addresses("d1", host, 443)) for host in hosts]
    try:
        async with asyncio.timeout(4 * MORE):
            while not all(each.done() for each in asked):
                silent.speak()
                await asyncio.sleep(0.01)
        assert [each.result() for each in asked] == [["127.0.0.1"]] * len(hosts)
        assert silent.most_waiting <= AT_ONCE
    finally:
        names.close()


async def test_a_name_that_there_is_not(silent: SilentNameServer) -> None:
    async with provider_keys(Names(silent.look_up)) as keys:
        assert await away(keys, registered("http://256.256.256.256")) < SECONDS + MORE


async def test_metadata_and_keys_have_their_seconds_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_provider() as provider, provider_keys() as keys:
        provider.slow = {provider.discovery: 2.0, "/keys": 2.0}
        # Each is in time.
        await away(keys, registered(provider.issuer))
        assert provider.asked == [provider.discovery, "/keys"]
        monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 0.0)
        provider.slow = {provider.discovery: 0.5, "/keys": 0.5}
        assert await keys.find(registered(provider.issuer), "k1", "ES256")


async def test_keys_that_had_to_go_are_asked_for_no_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 2.0)
    async with running_provider() as provider, provider_keys() as keys:
        many = [registered(provider.issuer, idp=f"P{number}") for number in range(4)]
        started = time.monotonic()
        rounds = 0
        while (took := time.monotonic() - started) < 5:
            rounds += 1
            for each in many:
                try:
                    assert await keys.find(each, "k1", "ES256")
                except IdpUnavailable:
                    assert rounds > 1
            await asyncio.sleep(0.01)
        # Each of the four, once in two seconds; before that every round asked for all of them.
        assert rounds > 4 * (1 + took / 2)
        assert provider.asked.count("/keys") <= 4 * (1 + took / 2)


async def test_one_domains_providers_push_out_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    async with running_provider() as theirs, running_provider() as ours, provider_keys() as keys:
        mine = registered(ours.issuer, "d2")
        assert await keys.find(mine, "k1", "ES256")
        for number in range(4):
            assert await keys.find(registered(theirs.issuer, idp=f"P{number}"), "k1", "ES256")
            assert await keys.find(mine, "k1", "ES256")
        assert ours.asked == [ours.discovery, "/keys"]


async def test_keys_in_the_row_are_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 1)
    provider = Provider()
    async with provider_keys() as keys:
        for number in (0, 1, 0, 1):
            row = replace(registered("https://id.example.com", idp=f"P{number}"), jwks=provider.jwks())
            assert await keys.find(row, "k1", "ES256")
