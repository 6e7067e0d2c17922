"""What is asked of a directory, one thing after the other, in a thread that may block."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.account.connectors.ldap.directory import Connection, DirectoryError, DirectoryLost, Entry
from services.account.connectors.ldap.entries import UnfitEntryError, identity_of, person_filter, sample_filter
from services.account.connectors.ldap.pool import Directory


@dataclass(frozen=True, slots=True)
class Asked:
    """What a directory said of a name and a password.

    Args:
        searcher: the connection that searched, for the next search.
        entry: the one that the name found; `None`: it found none, or several.
        accepted: whether the password is that entry's.
        seconds: how long the directory looked at them.
    """

    searcher: Connection
    entry: Entry | None
    accepted: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Reached:
    """A directory, its addresses, and until when it is asked."""

    directory: Directory
    addresses: Sequence[str]
    until: float

    def connect(self) -> Connection:
        """A connection to the first address where there is one to be had. Raises `DirectoryError`."""
        problem = DirectoryError("The directory has no address.")
        for address in self.addresses:
            try:
                return Connection(self.directory.place, address, self.directory.context, self.until)
            except DirectoryError as error:
                problem = error
        raise problem

    def connect_searcher(self) -> Connection:
        """A connection that is bound as who searches. Raises `DirectoryError`."""
        connection = self.connect()
        bind_dn = self.directory.settings.bind_dn
        try:
            let_in = not bind_dn or connection.bind(bind_dn, self.directory.secret, self.until)
        except DirectoryError:
            connection.close()
            raise
        if not let_in:
            connection.close()
            msg = f"The directory refuses {bind_dn}, who is to search, or its password."
            raise DirectoryError(msg)
        return connection


def ask(reached: Reached, kept: Connection | None, name: str, password: str, slow: float) -> Asked:
    """Search for a name, and bind as who was found.

    Args:
        reached: the directory.
        kept: a connection that is bound as who searches, where there is one; it may have ended meanwhile.
        name: what the person typed.
        password: not empty.
        slow: seconds that the directory takes at the most for somebody whom it has. Nobody is refused earlier.

    Raises:
        DirectoryError: it cannot be asked.
    """
    began = time.monotonic()
    searcher, entry = _find(reached, kept, name)
    try:
        # A connection of its own: who searches goes on as who it is.
        person = reached.connect()
        try:
            if entry:
                accepted = person.bind(entry.dn, password, reached.until)
            else:
                # The same way to the directory and back. Never as somebody whom wrong passwords lock out.
                nobody = f"cn={secrets.token_hex(16)},{reached.directory.settings.base_dn}".rstrip(",")
                person.bind(nobody, secrets.token_hex(16), reached.until)
                accepted = False
            seconds = time.monotonic() - began
            if not accepted:
                _wait(began + slow, reached.until)
            return Asked(searcher, entry, accepted, seconds)
        finally:
            person.close()
    except DirectoryError:
        searcher.close()
        raise


def _find(reached: Reached, kept: Connection | None, name: str) -> tuple[Connection, Entry | None]:
    """Who has a name, and the connection that found him."""
    if kept:
        try:
            return kept, _search(reached, kept, name)
        except DirectoryLost:
            # It was idle for too long, or the directory was started anew: that shows when it is used.
            pass
        except DirectoryError:
            kept.close()
            raise
    searcher = reached.connect_searcher()
    try:
        return searcher, _search(reached, searcher, name)
    except DirectoryError:
        searcher.close()
        raise


def _search(reached: Reached, searcher: Connection, name: str) -> Entry | None:
    settings = reached.directory.settings
    attributes = [each for each in (settings.identity_attribute, settings.name_attribute) if each]
    found = searcher.search(settings.base_dn, person_filter(settings.filter, name), attributes, 2, reached.until)
    # The entry without a name is the directory itself, and a bind as that is one as nobody.
    return found.entries[0] if len(found.entries) == 1 and not found.more and found.entries[0].dn else None


def _wait(moment: float, until: float) -> None:
    time.sleep(max(0.0, min(moment, until) - time.monotonic()))


def examine(reached: Reached) -> list[str]:
    """What is wrong with a directory's settings, as far as it can be seen without anybody's password."""
    settings = reached.directory.settings
    try:
        searcher = reached.connect_searcher()
    except DirectoryError as error:
        return [str(error)]
    try:
        searcher.look_at(settings.base_dn, reached.until)
        sample = sample_filter(settings.filter)
        if not sample:
            return []
        found = searcher.search(settings.base_dn, sample, [settings.identity_attribute], 1, reached.until)
        if not found.entries:
            return [f"Nobody below {settings.base_dn} matches the filter, whatever the name: {sample} finds no entry."]
        identity_of(found.entries[0], settings.identity_attribute)
    except (DirectoryError, UnfitEntryError) as error:
        return [str(error)]
    finally:
        searcher.close()
    return []
