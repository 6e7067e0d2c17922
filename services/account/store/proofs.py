"""What proves that an identity is a user's: codes that were sent, tickets of a logon."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.account.model import Identity
from services.account.model.proofs import (
    CLAIM,
    CODES_PER_IDENTITY,
    CODES_PER_USER,
    LIFETIME,
    MAX_TRIES,
    WINDOW,
    Presented,
)
from services.runtime.ids import lowest_uuid7
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Proofs(Section):
    """What proves that an identity is a user's."""

    async def begin_code(
        self,
        domain_id: str,
        proof_id: UUID,
        user_id: str,
        identity: Identity,
        mac: bytes,
        *,
        now: datetime,
        per_domain: int,
    ) -> str:
        """Write down a code that is to be sent.

        Returns:
            `begun`; or whose limit is reached: `identity`, `user`, `domain`.
        """
        verdict: str = await self._database.fetchval(
            _SQL["begin_code"],
            domain_id,
            proof_id,
            user_id,
            identity.type,
            identity.key,
            mac,
            now + LIFETIME,
            lowest_uuid7(now - WINDOW),
            CODES_PER_IDENTITY,
            CODES_PER_USER,
            per_domain,
        )
        return verdict

    async def insert_ticket(
        self, domain_id: str, proof_id: UUID, user_id: str, identity: Identity, mac: bytes, *, now: datetime
    ) -> None:
        """Write down a ticket that a logon made."""
        await self._database.execute(
            _SQL["insert_ticket"], domain_id, proof_id, user_id, identity.type, identity.key, mac, now + LIFETIME
        )

    async def link_proven_identity(
        self,
        domain_id: str,
        identity: Identity,
        user_id: str,
        *,
        now: datetime,
        event_id: UUID,
        actor: str,
        proof: Presented,
        mac: bytes,
        create_access_key: str | None = None,
    ) -> str:
        """Link an identity as `link_identity` does, for who presents a proof of it, and keep the proof from others.

        Returns:
            Those of `link_identity`, after which the proof is this call's, to be ended or let go of; `refused`; `busy`
            where another call presented the same proof just now.
        """
        verdict: str = await self._database.fetchval(
            _SQL["link_proven_identity"],
            domain_id,
            identity.type,
            identity.key,
            identity.given,
            identity.extra,
            user_id,
            now,
            event_id,
            actor,
            proof.proof_id,
            proof.kind,
            mac,
            MAX_TRIES,
            now + CLAIM,
            create_access_key,
        )
        return verdict

    async def end_proof(self, domain_id: str, proof_id: UUID, now: datetime) -> bool:
        """End a proof that did its work; whether it was pending still."""
        return await self._database.fetchval(_SQL["end_proof"], domain_id, proof_id, now) is not None

    async def release_proof(self, domain_id: str, proof_id: UUID) -> None:
        """Let go of a proof, so that it may be presented again."""
        await self._database.execute(_SQL["release_proof"], domain_id, proof_id)
