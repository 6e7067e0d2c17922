"""How people are proven by each kind of user system: a module each, two small interfaces.

Owns: what is said to a user system, and whom its answer proves. Leaves to others where browsers are sent and kept
(`pages`), what a proven identity opens (`actions`), and which user systems a domain has (`model.user_systems`).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias, runtime_checkable

from services.account.model import Identity
from services.account.model.user_systems import UserSystem


@dataclass(frozen=True, slots=True)
class Proven:
    """Whom a user system has proven.

    Args:
        identity: the person there.
        display_name: what it calls the person, made by `strangers.name_of`; empty: nothing.
        avatar: https URL of a picture, made by `strangers.picture_of`; empty: none.
    """

    identity: Identity
    display_name: str = ""
    avatar: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for a browser while it is away: three random values of 256 bits, and what it has to be after.

    Args:
        state: by which the browser that comes back is known to be the one that left; 64 hexadecimal digits, since WeCom
            takes letters and digits alone.
        nonce: by which an id token is known to be the answer (OpenID Connect Core section 3.1.2.1); base64url.
        verifier: by which a code is known to be the answer (RFC 7636 section 4.1); base64url.
        anew_from: seconds since 1970: who was proven there before is to be proven anew, where the user system can be
            asked for that; 0: whenever it was.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    anew_from: float = 0.0

    @classmethod
    def fresh(cls, anew_from: float = 0.0) -> Self:
        """For a browser that leaves."""
        return cls(secrets.token_hex(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), anew_from)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the app wishes of the user system's own page.

    Args:
        login_hint: who is likely to log on; empty: unknown.
        in_app: whether the browser is the one in the user system's own app.
    """

    login_hint: str = ""
    in_app: bool = False


@runtime_checkable
class Redirecting(Protocol):
    """Proves people on a page of its own, to which the browser goes and from which it comes back."""

    async def leave(self, system: UserSystem, kept: Kept, redirect_uri: str, wish: Wish) -> str:
        """Where the browser is sent.

        Raises:
            Unavailable: the user system is away, or says what it should not.
        """

    async def come_back(self, system: UserSystem, kept: Kept, redirect_uri: str, answer: Mapping[str, str]) -> Proven:
        """Whom it has proven.

        Args:
            system: which it is.
            kept: the same as when the browser left.
            redirect_uri: the same.
            answer: the parameters with which the browser came back; that `state` is the one kept was seen.

        Raises:
            LogonRefused: the person is not let in.
            Unavailable: the user system is away, or says what it should not.
        """

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong with the settings, a sentence each; nothing: people can log on, as far as can be seen."""


@runtime_checkable
class Asking(Protocol):
    """Proves people by name and password, which are typed on a page of ours and kept nowhere."""

    async def prove(self, system: UserSystem, name: str, password: str) -> Proven:
        """Whom they prove. Raises as `Redirecting.come_back`."""

    async def test(self, system: UserSystem) -> list[str]:
        """As `Redirecting.test`."""


Connector: TypeAlias = Redirecting | Asking
"""What asks user systems of one type."""
