"""User systems as connectors are given them, and what connectors answer with instead of a person."""

import secrets
from collections.abc import Awaitable

import pytest

from services.account.connectors import Kept, Proven, Wish
from services.account.errors import LogonRefused
from services.account.model.user_systems import CustomSettings, UserSystem
from services.runtime.errors import Unavailable

REDIRECT_URI = "https://id.example.com/v2/logon/back"
NO_WISH = Wish()


def kept() -> Kept:
    """What is kept for another browser each time."""
    return Kept(*(secrets.token_urlsafe(32) for _ in range(3)))


def custom(issuer: str, client_id: str = "tessera", secret: str = "", **settings: tuple[str, ...]) -> UserSystem:
    """An OpenID provider on loopback, as a domain has it."""
    return UserSystem(
        domain_id="d1",
        user_system_id="s1",
        settings=CustomSettings(issuer, client_id, **settings),
        private_addresses=True,
        secret=secret,
    )


async def refused(call: Awaitable[Proven], key: str = "refused") -> str:
    """That the person is not let in; answers why, for the log."""
    with pytest.raises(LogonRefused) as caught:
        await call
    assert caught.value.key == key
    return plain_line(caught.value.detail)


async def away(call: Awaitable[Proven | str]) -> str:
    """That the user system is away, or odd; answers why, for the log."""
    with pytest.raises(Unavailable) as caught:
        await call
    assert caught.value.message == "The provider is unavailable. Try again."
    assert caught.value.detail
    return plain_line(caught.value.detail)


def plain_line(text: str) -> str:
    """A text that no log is harmed by."""
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 400
    return text
