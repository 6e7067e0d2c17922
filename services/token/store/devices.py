"""What devices without a browser ask for."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import (
    Decision,
    DeviceAuthorization,
    NewDeviceAuthorization,
    NewSession,
    Proof,
    Session,
)
from services.token.store.sessions import opened, timing

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Devices(Section):
    """What devices without a browser ask for."""

    async def create_device_authorization(self, new: NewDeviceAuthorization, event_id: UUID | None) -> bool:
        """Keep what a device asks for; with an event id, its audit row. Whether its user code was free."""
        return bool(
            await self._database.fetchval(
                _SQL["create_device_authorization"],
                new.domain_id,
                new.authorization_id,
                new.device_code_hash,
                new.user_code_hash,
                new.client_id,
                new.scopes,
                new.device_id,
                new.device_name,
                new.now,
                new.expires_at,
                event_id,
            )
        )

    async def find_device_authorization(
        self, domain_id: str, user_code_hash: bytes, *, guesses: int, now: datetime
    ) -> tuple[str, DeviceAuthorization | None]:
        """Find what a device asks for by its user code. One that is none is counted.

        Args:
            domain_id: the device's.
            user_code_hash: of the code.
            guesses: how many codes that are none may be tried in a minute.
            now: the time.

        Returns:
            The verdict of the function, and what is asked for where it is `found`.
        """
        row = await self._database.fetchrow(_SQL["find_device_authorization"], domain_id, user_code_hash, guesses, now)
        assert row is not None  # the function always answers
        values = dict(row)
        verdict: str = values.pop("verdict")
        if verdict != "found":
            return verdict, None
        return verdict, DeviceAuthorization(**values | {"scopes": tuple(values["scopes"])})

    async def decide_device_authorization(
        self,
        domain_id: str,
        authorization_id: UUID,
        decision: Decision,
        *,
        user_id: str,
        scopes: tuple[str, ...],
        authenticated_at: datetime,
        proof: Proof,
        now: datetime,
        event_id: UUID,
    ) -> str:
        """Say whether a device gets what it asks for, with the audit row. Of those at once, the first one does.

        Args:
            domain_id: of device and user.
            authorization_id: what is decided.
            decision: what the user said.
            user_id: who decided.
            scopes: what the user consented to; empty: all that was asked for.
            authenticated_at: when the user was proven.
            proof: how the user was proven.
            now: the time.
            event_id: of the audit row.

        Returns:
            The verdict of the function.
        """
        verdict: str = await self._database.fetchval(
            _SQL["decide_device_authorization"],
            domain_id,
            authorization_id,
            decision,
            user_id,
            scopes or None,
            authenticated_at,
            proof.method,
            proof.identity,
            now,
            event_id,
        )
        return verdict

    async def redeem_device_code(
        self, new: NewSession, *, authorization_id: UUID, device_code_hash: bytes
    ) -> tuple[str, Session | None]:
        """Answer a device that asks whether it was approved; where it was, use its code up and start the session.

        Returns:
            The verdict of the function, and the session where it is `started`.
        """
        return opened(
            await self._database.fetchrow(
                _SQL["redeem_device_code"],
                new.domain_id,
                new.client_id,
                *timing(new),
                authorization_id,
                device_code_hash,
            )
        )
