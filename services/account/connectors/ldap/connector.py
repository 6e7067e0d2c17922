"""The connector `ldap`: whoever can bind as the one entry that a name finds is that entry's person."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from services.account.connectors import Proven
from services.account.connectors.ldap.asking import Asked, Reached, ask, examine
from services.account.connectors.ldap.directory import DirectoryError
from services.account.connectors.ldap.entries import UnfitEntryError, identity_of, shown_name
from services.account.connectors.ldap.pool import IDLE_SECONDS, Directory, problems_of
from services.account.errors import LogonRefused
from services.account.model import normalise
from services.account.model.user_systems import LdapSettings, UserSystem
from services.account.providers.fetch import is_public
from services.account.providers.names import Names
from services.runtime.errors import FieldInvalid, Unavailable
from services.runtime.validation import has_control

SECONDS = 8.0
"""How long a logon may take, from the wait for a turn to the answer."""
MAX_NAME_CHARS = 255
MAX_PASSWORD_CHARS = 1024

_TESTS_AT_ONCE = 2
# As many as 32 directories take at once. A thread that waits costs next to nothing.
_THREADS = 256


class Ldap:
    """Proves people by directories, each of which has turns and connections of its own. Used by one event loop.

    Args:
        names: looks up where they are.
        idle_seconds: how long a connection that searches is kept when nobody needs it.
    """

    def __init__(self, names: Names, idle_seconds: float = IDLE_SECONDS) -> None:
        self._names = names
        self._idle_seconds = idle_seconds
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="ldap")
        # By domain, user system and its version: one that was changed begins anew.
        self._directories: dict[tuple[str, str, int], Directory] = {}
        self._under_way: set[asyncio.Task[Asked]] = set()
        # By domain.
        self._tests: dict[str, asyncio.Semaphore] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Give up what is under way, and end connections; threads end by themselves, within seconds."""
        if self._sweep:
            self._sweep.cancel()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for directory in self._directories.values():
            directory.close_idle(all_of_them=True)

    async def prove(self, system: UserSystem, name: str, password: str) -> Proven:
        """Whom a name and a password prove.

        A name that nobody has is answered as a wrong password is. The directory is asked about a password all the same,
        and both answers come after the time that it lately took to look at somebody's, at the most.

        Raises:
            LogonRefused: they prove nobody, or somebody whose entry has no identity for us.
            Unavailable: the directory is away, slow or busy, or not as its settings say.
        """
        # An empty password would be let in, as nobody (RFC 4513 section 5.1.2).
        if not _askable(name, MAX_NAME_CHARS) or not _askable(password, MAX_PASSWORD_CHARS, control=True):
            raise LogonRefused("wrong_credentials", "nothing that a directory is asked")
        until = time.monotonic() + SECONDS
        task = asyncio.create_task(self._asked(system, name, password, until), name=f"directory of {system.domain_id}")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(SECONDS):
                # Who gives up waiting ends no thread, and so no turn.
                asked = await asyncio.shield(task)
        except TimeoutError:
            detail = f"no turn, or no answer, in {SECONDS:g} s"
            raise Unavailable("provider", detail=f"directory of {system.domain_id}: {detail}") from None
        except DirectoryError as error:
            raise Unavailable("provider", detail=f"directory of {system.domain_id}: {error}") from None
        if not asked.accepted or asked.entry is None:
            raise LogonRefused("wrong_credentials", "password" if asked.entry else "nobody, or several")
        settings = _settings(system)
        try:
            identity = normalise("ldap", identity_of(asked.entry, settings.identity_attribute))
        except (UnfitEntryError, FieldInvalid) as error:
            raise LogonRefused("refused", str(error)) from None
        return Proven(identity, shown_name(asked.entry, settings.name_attribute))

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong with a directory's settings, a sentence each; nothing: people can log on, as far as is seen."""
        if problems := problems_of(_settings(system), system.secret):
            return problems
        until = time.monotonic() + SECONDS
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._tests.setdefault(system.domain_id, asyncio.Semaphore(_TESTS_AT_ONCE)),
            ):
                reached = await self._reached(Directory.of(system), system, until)
                return await asyncio.get_running_loop().run_in_executor(self._threads, examine, reached)
        except TimeoutError:
            return [f"The directory did not answer in {SECONDS:g} seconds, or its name could not be looked up."]
        except DirectoryError as error:
            return [str(error)]

    async def _asked(self, system: UserSystem, name: str, password: str, until: float) -> Asked:
        """Ask, in a turn that ends with the thread. Raises `DirectoryError`."""
        directory = self._directory(system)
        directory.users += 1
        try:
            async with directory.turns:
                reached = await self._reached(directory, system, until)
                asked = await asyncio.get_running_loop().run_in_executor(
                    self._threads, ask, reached, directory.take(), name, password, directory.slow_seconds()
                )
                directory.give(asked.searcher)
        finally:
            directory.users -= 1
        if asked.entry:
            directory.remember(asked.seconds)
        return asked

    def _ended(self, task: asyncio.Task[Asked]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Nobody may be waiting any more.
            task.exception()

    def _directory(self, system: UserSystem) -> Directory:
        place = (system.domain_id, system.user_system_id, system.version)
        directory = self._directories.get(place)
        if directory is None:
            directory = self._directories[place] = Directory.of(system, self._idle_seconds)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_seconds, self._swept)
        return directory

    def _swept(self) -> None:
        """End what nobody needed, and forget directories that have nothing left."""
        self._sweep = None
        for place, directory in list(self._directories.items()):
            directory.close_idle()
            if directory.unused:
                del self._directories[place]
        if self._directories:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_seconds, self._swept)

    async def _reached(self, directory: Directory, system: UserSystem, until: float) -> Reached:
        """The directory at its addresses. All must be allowed: which one is taken must not be luck."""
        place = directory.place
        # Not which address, nor whether there is one: who is told this learns nothing of our name servers.
        problem = f"The host {place.host} has no public address."
        try:
            addresses = await self._names.addresses(system.domain_id, place.host, place.port)
        except (OSError, UnicodeError):
            if system.private_addresses:
                problem = f"The name {place.host} does not resolve."
            raise DirectoryError(problem) from None
        if not system.private_addresses and not all(map(is_public, addresses)):
            raise DirectoryError(problem)
        return Reached(directory, addresses, until)


def _settings(system: UserSystem) -> LdapSettings:
    if not isinstance(system.settings, LdapSettings):
        msg = f"{system.type} is no directory"
        raise TypeError(msg)
    return system.settings


def _askable(text: str, longest: int, *, control: bool = False) -> bool:
    """Whether a text that was typed can be sent: UTF-8 has no halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(text) <= longest and (control or not has_control(text))
