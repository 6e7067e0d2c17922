"""What is kept of a directory between two logons: connections that search, and who may use it next."""

import asyncio
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

from services.account.connectors.ldap.directory import Connection, DirectoryError, Place, trusting
from services.account.connectors.ldap.entries import ATTRIBUTE, filter_problem
from services.account.model.user_systems import LdapSettings, UserSystem

AT_ONCE = 8
"""Logons with one directory that are under way at a time; further ones wait for their turn."""
IDLE_SECONDS = 60.0
"""How long a connection that searches is kept when nobody needs it."""
_REMEMBERED = 32


def problems_of(settings: LdapSettings, secret: str) -> list[str]:
    """What is wrong with settings before anybody is asked, a sentence each."""
    found = []
    for look in (lambda: Place.parse(settings.url), lambda: trusting(settings.ca_pem)):
        try:
            look()
        except DirectoryError as error:
            found.append(str(error))
    if problem := filter_problem(settings.filter):
        found.append(problem)
    if bool(settings.bind_dn) != bool(secret):
        # A name without a password is let in as nobody (RFC 4513 section 5.1.2).
        found.append("There is to be a bind DN with its password, or neither.")
    if not ATTRIBUTE.fullmatch(settings.identity_attribute):
        found.append("The identity attribute is no name of an attribute.")
    if settings.name_attribute and not ATTRIBUTE.fullmatch(settings.name_attribute):
        found.append("The name attribute is no name of an attribute.")
    return found


@dataclass(slots=True)
class Directory:
    """A directory as one version of a user system has it. Used by one event loop.

    Args:
        settings: without `problems_of`.
        secret: the password of who searches.
        place: where it is.
        context: whose certificates are believed there.
        idle_seconds: how long a connection that searches is kept when nobody needs it.
    """

    settings: LdapSettings
    secret: str = field(repr=False)
    place: Place
    context: ssl.SSLContext
    idle_seconds: float
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    users: int = 0
    _idle: list[tuple[float, Connection]] = field(default_factory=list)
    _binds: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @classmethod
    def of(cls, system: UserSystem, idle_seconds: float = IDLE_SECONDS) -> Self:
        """The directory of a user system. Raises `DirectoryError`, with all that is wrong with its settings."""
        settings = system.settings
        if not isinstance(settings, LdapSettings):
            msg = f"{system.type} is no directory"
            raise TypeError(msg)
        if problems := problems_of(settings, system.secret):
            raise DirectoryError(" ".join(problems))
        return cls(settings, system.secret, Place.parse(settings.url), trusting(settings.ca_pem), idle_seconds)

    def take(self) -> Connection | None:
        """A connection that is bound as who searches; `None`: one has to be made."""
        self.close_idle()
        return self._idle.pop()[1] if self._idle else None

    def give(self, connection: Connection) -> None:
        """Keep a connection for who takes it next. There are never more than there were turns."""
        self._idle.append((time.monotonic(), connection))

    def close_idle(self, *, all_of_them: bool = False) -> None:
        """End connections that nobody needed for too long."""
        early = time.monotonic() - (0 if all_of_them else self.idle_seconds)
        while self._idle and self._idle[0][0] <= early:
            self._idle.pop(0)[1].close()

    @property
    def unused(self) -> bool:
        """Whether nothing is kept that anybody would miss."""
        return not self.users and not self._idle

    def remember(self, seconds: float) -> None:
        """How long the directory took to look at name and password of somebody who is in it."""
        self._binds.append(seconds)

    def slow_seconds(self) -> float:
        """How long it takes for that at the most, but for one of the last times; 0: nobody knows."""
        return max(sorted(self._binds)[:-1], default=0.0)
