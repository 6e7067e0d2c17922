"""What is ordered here and still to be done at token."""

from datetime import datetime
from pathlib import Path

from services.account.model import Order
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Outbox(Section):
    """What is ordered here and still to be done at token."""

    async def insert_order(self, order: Order, due_at: datetime) -> None:
        """Write an order down, in the transaction that makes it needed. The worker leaves it alone until `due_at`."""
        await self._database.execute(
            _SQL["insert_order"],
            order.domain_id,
            order.user_id,
            order.kind,
            order.version,
            order.actor,
            order.roles,
            order.ordered_at,
            due_at,
        )

    async def delete_order(self, order: Order) -> datetime | None:
        """Strike an order off, unless another one has its place; since when there was something to do, if it did."""
        value: datetime | None = await self._database.fetchval(
            _SQL["delete_order"], order.domain_id, order.user_id, order.kind, order.version
        )
        return value

    async def select_due_orders(self, now: datetime, limit: int) -> list[Order]:
        """Orders of all domains that somebody should be at, those that wait longest first."""
        rows = await self._database.fetch(_SQL["select_due_orders"], now, limit)
        return [Order(**dict(row) | {"roles": tuple(row["roles"])}) for row in rows]

    async def claim_order(self, order: Order, now: datetime, until: datetime) -> bool:
        """Keep others from an order until then; false where it is not there any more, or another process is at it."""
        attempts = await self._database.fetchval(
            _SQL["claim_order"], order.domain_id, order.user_id, order.kind, order.version, now, until
        )
        return attempts is not None

    async def select_oldest_order(self) -> datetime | None:
        """Since when there is something to do; `None` where there is nothing."""
        value: datetime | None = await self._database.fetchval(_SQL["select_oldest_order"])
        return value
