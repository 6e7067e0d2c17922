"""How bindings change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from services.binding.model import Once, Part, Row
from services.runtime.batching import Later
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Done:
    """What is known of a call that may be made again, once a part of it was to be done.

    Args:
        digest: of the first call with this id. Another than this call's: nothing was done.
        operation_id: of the first call.
        result: what it came to: the code of each entry.
        done: how many of its units are done by now; more than this part's end where it had been done before.
    """

    digest: bytes
    operation_id: UUID
    result: Sequence[str]
    done: int


class Changes(Section):
    """How bindings change. What raises may be repeated."""

    async def apply(self, parts: Sequence[Part], now: datetime, *, wait: bool) -> list[Literal[Later.ALONE] | None]:
        """Make changes, all in one transaction, as if one came after the other.

        Args:
            parts: of one call or several.
            now: when, for display.
            wait: whether to wait for locks that others hold; for a single one alone.

        Returns:
            For each part `Later.ALONE` where others hold or share its locks and nothing was done with it.

        Raises:
            asyncpg.ProgramLimitExceededError: the tokens of a part that waits hold so many accounts that it is to be
                done in smaller ones.
        """
        rows = [(item, row) for item, part in enumerate(parts, 1) for row in part.rows]
        later: list[int] = await self._database.fetchval(
            _SQL["apply"],
            wait,
            now,
            [part.access_id for part in parts],
            [part.operation_id for part in parts],
            [part.kind for part in parts],
            [part.cap for part in parts],
            [item for item, _ in rows],
            *_columns(row for _, row in rows),
        )
        return [Later.ALONE if item in later else None for item in range(1, len(parts) + 1)]

    async def apply_once(
        self, part: Part, now: datetime, once: Once, result: Sequence[str], bounds: tuple[int, int]
    ) -> Done:
        """Make a part of a change unless it was made before, in one transaction with what says so.

        Args:
            part: of a single call.
            now: when, for display.
            once: tells the call.
            result: what the call comes to when all is done.
            bounds: how many of its units come before this part, and how many are done with it.

        Raises:
            asyncpg.ProgramLimitExceededError: as `apply`.
        """
        row = await self._database.fetchrow(
            _SQL["apply_once"],
            now,
            part.access_id,
            part.operation_id,
            part.kind,
            part.cap,
            *_columns(part.rows),
            once.request_id,
            once.digest,
            result,
            *bounds,
        )
        assert row is not None  # the function always answers
        return Done(**row)


def _columns(rows: Iterable[Row]) -> tuple[list[str | None], list[int | None], list[str | None]]:
    listed = [(row.token, row.account) for row in rows]
    return (
        [token for token, _ in listed],
        [account.account_type if account else None for _, account in listed],
        [account.account if account else None for _, account in listed],
    )
