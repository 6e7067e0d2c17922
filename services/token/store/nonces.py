"""Signed requests that were accepted."""

from collections.abc import Sequence
from pathlib import Path

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import Nonce

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Nonces(Section):
    """Signed requests that were accepted."""

    async def insert_nonces(self, nonces: Sequence[Nonce], **_: bool) -> list[bool]:
        """Use nonces of any domains up, with one commit, and answer of each whether nobody had in any of its days.

        Of several of one nonce, here or at the same time in another process, one did. It waits for nobody but for who
        is about to commit the same nonce.
        """
        # In one order, in which everybody waits for another.
        wanted = sorted((each.domain_id, each.hash, day) for each in nonces for day in each.days)
        rows = await self._database.fetch(_SQL["insert_nonces"], *map(list, zip(*wanted, strict=True)))
        if rows[0]["number"] == len(wanted):
            return [True] * len(nonces)
        new = {(row["domain_id"], row["nonce_hash"], row["midnight"]) for row in rows}
        return [_took(new, each) for each in nonces]


def _took(new: set[tuple[str, bytes, int]], nonce: Nonce) -> bool:
    """Whether all rows of a nonce are new; nobody else gets them."""
    own = {(nonce.domain_id, nonce.hash, day) for day in nonce.days}
    all_new = own <= new
    new -= own
    return all_new
