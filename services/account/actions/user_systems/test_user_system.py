"""TestUserSystem: what is wrong with a user system, in words."""

import asyncio

import structlog

from services.account.actions.user_systems.get_user_system import get_user_system
from services.account.errors import LogonRefused
from services.account.model.user_systems import CODED, UserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.errors import Unavailable

SECONDS = 10.0
"""How long a user system is tried."""
_MAX_PROBLEMS, _MAX_CHARS = 20, 500

log = structlog.get_logger()


async def test_user_system(resources: Resources, caller: Principal, *, user_system_id: str) -> list[str]:
    """Try a user system. Changes nothing.

    Returns:
        What is wrong, a sentence each; the secret stands in none, whatever the user system said.

    Raises:
        NotFoundUserSystem: there is no such user system.
    """
    system = await get_user_system(resources, caller, user_system_id=user_system_id)
    if system.has_secret and not system.secret:
        return ["The secret cannot be read: it was encrypted with another master key. Set it anew."]
    try:
        async with asyncio.timeout(SECONDS):
            problems = await _problems(resources, system)
    except TimeoutError:
        problems = [f"It gave no answer within {SECONDS:g} seconds."]
    except (Unavailable, LogonRefused) as error:
        log.info("a user system fails its test", user_system_id=user_system_id, problem=error.detail)
        problems = ["It is away, or answers what it should not."]
    return [_without(system.secret, each)[:_MAX_CHARS] for each in problems[:_MAX_PROBLEMS]]


async def _problems(resources: Resources, system: UserSystem) -> list[str]:
    if system.type in CODED:
        try:
            resources.sender.check(system.type)
        except Unavailable:
            return [f"This installation cannot send codes to identities of type {system.type}."]
        return []
    connector = resources.connectors.get(system.type)
    if connector is None:
        return [f"This installation cannot ask user systems of type {system.type}."]
    return await connector.test(system)


def _without(secret: str, text: str) -> str:
    """A text that a user system may have had a say in: some repeat what they were told."""
    return text.replace(secret, "***") if secret else text
