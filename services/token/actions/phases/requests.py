"""Calls that make something and may be made again within a day (AIP-155, ADR 0030)."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.runtime.errors import FieldInvalid
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.store import Statements

_KEPT = timedelta(days=1)


async def once(
    resources: Resources,
    domain_id: str,
    request: RequestId | None,
    make: Callable[[Statements], Awaitable[tuple[str, ...]]],
) -> tuple[str, ...]:
    """Make something in one transaction, or answer what was answered when the same call was made before.

    Args:
        resources: the parts of the service.
        domain_id: the domain that it is made in, where the answer is kept.
        request: tells the call; `None`: it is not to be told from any other.
        make: makes it, and answers its ids and secrets.

    Raises:
        FieldInvalid: the request id came with another content, or from another caller.
    """
    now = resources.clock.now()
    async with resources.store.transaction() as store:
        if request is None:
            return await make(store)
        await store.lock_domain(domain_id)
        place = f"{domain_id}/request/{request.value}"
        if known := await store.select_request(domain_id, request.value, now - _KEPT):
            content_hash, answer = known
            if content_hash != request.content_hash:
                raise FieldInvalid("request_id", "The request id was used for another call.")
            return tuple(json.loads(resources.vault.open(answer, place)))
        made = await make(store)
        await store.insert_request(domain_id, request, resources.vault.seal(json.dumps(made).encode(), place), now)
        return made
