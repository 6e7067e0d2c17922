"""What is done at token with all that there is of a user."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import user_data_service_pb2

from services.account.model.logon import AppSession
from services.account.peers.calling import Calls

UserRecord = user_data_service_pb2.ExportUserResponse
"""A page of all that token keeps of a user. It goes to the caller as it came, too."""
Erasure = Literal["erased", "absent", "out_of_reach", "last_superadmin"]
"""How an erasure at token ended."""

_ERASURES: dict[int, Erasure] = {
    user_data_service_pb2.EraseUserResponse.OUTCOME_ERASED: "erased",
    user_data_service_pb2.EraseUserResponse.OUTCOME_ABSENT: "absent",
    user_data_service_pb2.EraseUserResponse.OUTCOME_OUT_OF_REACH: "out_of_reach",
    user_data_service_pb2.EraseUserResponse.OUTCOME_LAST_SUPERADMIN: "last_superadmin",
}


class UserData(Calls):
    """Sessions, records and erasures."""

    async def list_user_sessions(self, domain_id: str, user_id: str) -> list[AppSession]:
        """What a user is signed in with, the newest first, 100 at the most. Raises `Unavailable`."""
        request = user_data_service_pb2.ListUserSessionsRequest(domain_id=domain_id, user_id=user_id)
        answer = await self._call(self._user_data.ListUserSessions, request)
        return [
            AppSession(
                session_id=UUID(each.session_id),
                app=each.app_name or each.client_id,
                device=each.device_name,
                begun_at=each.create_time.ToDatetime(UTC),
                used_at=each.last_use_time.ToDatetime(UTC),
            )
            for each in answer.sessions
        ]

    async def sign_user_out(
        self,
        domain_id: str,
        user_id: str,
        actor: str,
        *,
        session_ids: Sequence[UUID] = (),
        browser_ids: Sequence[UUID] = (),
    ) -> None:
        """End some sessions of a user, and what was begun in some browsers. Idempotent. Raises `Unavailable`."""
        request = user_data_service_pb2.SignUserOutRequest(
            domain_id=domain_id,
            user_id=user_id,
            actor=actor,
            session_ids=map(str, session_ids),
            browser_ids=map(str, browser_ids),
        )
        await self._call(self._user_data.SignUserOut, request)

    async def end_user_sessions(self, domain_id: str, user_id: str, actor: str) -> None:
        """End all that a user could go on with; no such user: nothing. Idempotent. Raises `Unavailable`."""
        request = user_data_service_pb2.EndUserSessionsRequest(domain_id=domain_id, user_id=user_id, actor=actor)
        await self._call(self._user_data.EndUserSessions, request)

    async def export_user(self, domain_id: str, user_id: str, page_size: int, page_token: str) -> UserRecord:
        """Ask for a page of what token keeps of a user. Raises `NotFoundLinkUser`, `FieldInvalid`, `Unavailable`."""
        request = user_data_service_pb2.ExportUserRequest(
            domain_id=domain_id, user_id=user_id, page_size=page_size, page_token=page_token
        )
        return await self._call(self._user_data.ExportUser, request)

    async def erase_user(
        self, domain_id: str, user_id: str, *, roles: tuple[str, ...], ordered_at: datetime, actor: str
    ) -> tuple[Erasure, list[int]]:
        """Have a user erased. Idempotent.

        Args:
            domain_id: its domain.
            user_id: the user.
            roles: of the users whom it may hit.
            ordered_at: a user who was made later under this id stays.
            actor: who ordered it, for the audit log.

        Returns:
            How it ended, and the ids of the domain's push apps.

        Raises:
            Unavailable: token is away; whether the user was erased is unknown.
        """
        order_time = Timestamp()
        order_time.FromDatetime(ordered_at)
        request = user_data_service_pb2.EraseUserRequest(
            domain_id=domain_id, user_id=user_id, roles=roles, order_time=order_time, actor=actor
        )
        answer = await self._call(self._user_data.EraseUser, request)
        return _ERASURES[answer.outcome], list(answer.access_ids)
