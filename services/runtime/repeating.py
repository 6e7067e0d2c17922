"""Work that goes on behind the calls: done again and again, and never dead without a word."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

_AFTER_A_FAULT_SECONDS = 1.0


def repeat(name: str, step: Callable[[], Awaitable[float]], *, after: float = 0) -> asyncio.Task[None]:
    """Do a step again and again until the task is cancelled.

    Args:
        name: of the work, for the log.
        step: one round; answers after how many seconds the next is due. What it raises is logged as a fault, and it is
            tried again after a second.
        after: seconds until the first round.
    """

    async def run() -> None:
        await asyncio.sleep(after)
        while True:
            try:
                seconds = await step()
            except Exception:
                log.exception("fault", work=name)
                seconds = _AFTER_A_FAULT_SECONDS
            await asyncio.sleep(seconds)

    return asyncio.create_task(run(), name=name)
