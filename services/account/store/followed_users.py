"""Token's users, as account follows them: how far, and what is done where one is gone."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.account.model import UserId
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class FollowedUsers(Section):
    """Token's users, as account follows them."""

    async def follow(self, holder: UUID, now: datetime, until: datetime) -> str | None:
        """Become the one process that follows, or stay it.

        Args:
            holder: the process.
            now: what another one holds until then is free.
            until: until when it is to be held.

        Returns:
            The cursor to go on from, empty where nobody has followed yet; `None` where another process follows.
        """
        return await self._text(_SQL["follow"], holder, now, until)

    async def unfollow(self, holder: UUID, now: datetime) -> None:
        """Let another process follow at once; nothing happens where one does."""
        await self._database.execute(_SQL["unfollow"], holder, now)

    async def lock_followed(self, holder: UUID) -> str | None:
        """In a transaction, keep every other process from following. The cursor; `None` where another one follows."""
        return await self._text(_SQL["lock_followed"], holder)

    async def select_sweep(self, holder: UUID, now: datetime) -> UserId | None:
        """After whom users are to be looked up; `None` where none are, or by another process."""
        row = await self._database.fetchrow(_SQL["select_sweep"], holder, now)
        return UserId(**row) if row else None

    async def set_followed_cursor(self, cursor: str) -> None:
        """Write how far they are followed: in the transaction that does what was told, after `lock_followed`."""
        await self._database.execute(_SQL["set_followed_cursor"], cursor)

    async def set_sweep(self, at: datetime, after: UserId) -> None:
        """Write when all users whom rows name are to be looked up, beginning after one."""
        await self._database.execute(_SQL["set_sweep"], at, after.domain_id, after.user_id)

    async def lock_users(self, domain_id: str, user_ids: Collection[str]) -> None:
        """In a transaction, wait for links that are being made to users, and let none be begun."""
        await self._database.execute(_SQL["lock_users"], domain_id, user_ids)

    async def forget_users(self, users: Collection[UserId], now: datetime) -> int:
        """Take away the links and the open accounts' ties of users who are gone; nothing is linked to them any more.

        Waits for links that are being made, and is waited for. Answers how many links there were.
        """
        links: int = await self._database.fetchval(_SQL["forget_users"], *_columns(sorted(users)), now)
        return links

    async def delete_gone_users(self, users: Collection[UserId]) -> None:
        """Let identities be linked again to users who are there again."""
        await self._database.execute(_SQL["delete_gone_users"], *_columns(users))

    async def delete_old_gone_users(self, until: datetime, limit: int) -> int:
        """Forget that users are gone, at most so many of those who went before. Answers how many."""
        tag = await self._database.execute(_SQL["delete_old_gone_users"], until, limit)
        return int(tag.rpartition(" ")[2])

    async def select_known_users(self, after: UserId, limit: int) -> list[UserId]:
        """The users after one whom links and open accounts name, in order; empty where there is none further."""
        rows = await self._database.fetch(_SQL["select_known_users"], after.domain_id, after.user_id, limit)
        return [UserId(**row) for row in rows]


def _columns(users: Collection[UserId]) -> tuple[list[str], list[str]]:
    return [user.domain_id for user in users], [user.user_id for user in users]
