"""What somebody types that could be a guess: counted before it is known to be wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.account.errors import LogonRefused
from services.account.resources import Resources
from services.runtime.errors import Unavailable


@asynccontextmanager
async def counted(
    resources: Resources, domain_id: str, way: str, name: str, *, browser_id: UUID, address: str
) -> AsyncIterator[None]:
    """Have the block look at what was typed. It counts, over all replicas, where the block ends by `LogonRefused`.

    Args:
        resources: the parts of the service.
        domain_id: where.
        way: what knows whether it is right: a user system, or `device`.
        name: for whom it was typed, as it is compared.
        browser_id: by what the name knows the browser, or `STRANGER`.
        address: where the browser is.

    Raises:
        LogonRefused: `passwords`, as many were wrong as may be within an hour; `guessed`, or within a period. The block
            is not entered.
        Unavailable: database away.
    """
    try_id, now = resources.new_id(), resources.clock.now()
    verdict = await resources.store.begin_password_try(
        domain_id, try_id, way, name, browser_id=browser_id, address=address, now=now
    )
    if verdict != "begun":
        raise LogonRefused("guessed" if verdict == "guessed" else "passwords", f"limit of the {verdict}")
    try:
        yield
    except Unavailable:
        await resources.store.forget_password_try(domain_id, try_id, now)
        raise
    await resources.store.forget_password_try(domain_id, try_id, now)
