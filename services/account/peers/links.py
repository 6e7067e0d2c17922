"""What links ask of token: who users are, and Tokens for those who are linked to."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tessera.client import TesseraError
from tessera.token.v1 import feed_service_pb2, token_pb2, token_service_pb2

from services.account.model import UserEventKind, UserId, UserNews
from services.account.peers.calling import Calls, Proof, refusal_of

Token = token_pb2.Token
"""What token issues. It goes to the caller as it came, whatever it holds."""

# What becomes of users that concerns links; of a kind that is newer than this version nothing is known.
_KINDS = {
    feed_service_pb2.UserEvent.KIND_CREATED: UserEventKind.CREATED,
    feed_service_pb2.UserEvent.KIND_DELETED: UserEventKind.DELETED,
}


@dataclass(frozen=True, slots=True)
class User:
    """A user, as token knows it: role `superadmin`, `admin` or `user`; status `enabled` or `disabled`.

    Who was proven until `logged_off_at` has to be proven anew; `None`: nobody has.
    """

    role: str
    status: str
    logged_off_at: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller for whom a token for somebody else is issued; no role where its reach is a list of permissions."""

    subject: str
    role: str
    scopes: frozenset[str]
    permissions: frozenset[str]


class Links(Calls):
    """Users, and Tokens for them."""

    async def get_user(self, domain_id: str, user_id: str) -> User:
        """Ask who a user is. Raises `NotFoundLinkUser`, `FieldInvalid`, `Unavailable`."""
        request = token_service_pb2.GetUserRequest(domain_id=domain_id, user_id=user_id)
        answer = await self._call(self._mint.GetUser, request)
        logged_off = answer.logged_off_time.ToDatetime(UTC) if answer.HasField("logged_off_time") else None
        return User(answer.role, answer.status, logged_off)

    async def issue_token(self, domain_id: str, user_id: str, client_id: str, proof: Proof, actor: Actor) -> Token:
        """Have a Token issued for a user. Not idempotent: each call starts a session.

        Args:
            domain_id: domain of user and caller.
            user_id: the user.
            client_id: app or access key through which the caller acts.
            proof: how the user was proven.
            actor: the caller, who bounds what the Token may do.

        Raises:
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled or never impersonated.
            PermissionDenied: the app through which the caller acts is not admitted any more.
            FieldInvalid: a user id or an identity that token does not take.
            Unavailable: token is away; whether a token was issued is unknown.
        """
        request = token_service_pb2.IssueTokenRequest(
            domain_id=domain_id,
            user_id=user_id,
            client_id=client_id,
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
            actor=token_pb2.Actor(
                subject=actor.subject,
                role=actor.role,
                scopes=sorted(actor.scopes),
                permissions=sorted(actor.permissions),
            ),
            refuse_superadmins=True,
        )
        return await self._call(self._mint.IssueToken, request)

    async def discard_token(self, domain_id: str, client_id: str, refresh_token: str) -> None:
        """Have the session of a Token ended that nobody was given. Idempotent. Raises `Unavailable`."""
        request = token_service_pb2.DiscardTokenRequest(
            domain_id=domain_id, client_id=client_id, refresh_token=refresh_token
        )
        await self._call(self._mint.DiscardToken, request)

    async def watch_users(self, cursor: str) -> AsyncGenerator[UserNews, None]:
        """What becomes of users of every domain, as it happens; something at least every second, empty or not.

        Close it (`contextlib.aclosing`), or the stream goes on.

        Args:
            cursor: of the last news that were dealt with; empty: from now on, and the first news are empty.

        Raises:
            CursorExpired, FieldInvalid: there is no going on from this cursor.
            Unavailable: token is away, or the stream has ended.
        """
        call = self._users.WatchUsers(feed_service_pb2.WatchUsersRequest(cursor=cursor))
        try:
            async for message in call:
                events = [
                    (UserId(event.domain_id, event.user_id), _KINDS[event.kind])
                    for event in message.events
                    if event.kind in _KINDS
                ]
                yield UserNews(events, message.cursor)
        except TesseraError as error:
            raise refusal_of(error) from error
        finally:
            call.cancel()

    async def unknown_users(self, domain_id: str, user_ids: Sequence[str]) -> list[str]:
        """Those of up to 1,000 ids that are no user's in a domain; empty where all are. Raises `Unavailable`."""
        request = feed_service_pb2.CheckUsersRequest(domain_id=domain_id, user_ids=user_ids)
        try:
            answer = await self._users.CheckUsers(request)
        except TesseraError as error:
            raise refusal_of(error) from error
        return list(answer.unknown_user_ids)
