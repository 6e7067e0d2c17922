"""The token service, as account calls it: with the credential of its own service identity, and never for long."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from google.protobuf.timestamp_pb2 import Timestamp
from tessera.client import AccessTokens, Certificates, PrivateKeyJwt, TesseraError, errors, open_channel
from tessera.token.v1 import (
    feed_service_pb2,
    feed_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
    user_data_service_pb2,
    user_data_service_pb2_grpc,
)

from services.account.errors import LinkUserRefused, LogonRefused, NotFoundLinkUser
from services.account.model import UserEventKind, UserId, UserNews
from services.account.model.logon import Device, LogonApp, LogonDomain
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.errors import CursorExpired, FieldInvalid, Internal, PermissionDenied, Refusal, Unavailable
from services.runtime.telemetry import request_id

Token = token_pb2.Token
"""What token issues. It goes to the caller as it came, whatever it holds."""
UserRecord = user_data_service_pb2.ExportUserResponse
"""A page of all that token keeps of a user. It goes to the caller as it came, too."""
Erasure = Literal["erased", "absent", "out_of_reach", "last_superadmin"]
"""How an erasure at token ended."""
Answer = TypeVar("Answer")

_TIMEOUT_SECONDS = 2.0

_TOKEN = "/tessera.token.v1.TokenService/Token"  # noqa: S105  the RPC of that name

# The call may be tried again; any other refusal that is not the user's is a fault of ours.
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNAUTHENTICATED,
)
# What token says of the user, or of the app through which the caller acts, as account says it on.
_REFUSALS: dict[type[TesseraError], type[Refusal]] = {
    errors.NotFoundUser: NotFoundLinkUser,
    errors.UserDisabled: LinkUserRefused,
    errors.ImpersonationRefused: LinkUserRefused,
    errors.UnauthorizedClient: PermissionDenied,
    errors.CursorExpired: CursorExpired,
}
# What is said of the code of a device, by the key of a page's text.
_NO_DEVICE: dict[type[TesseraError], str] = {
    errors.NotFoundDeviceAuthorization: "user_code",
    errors.DeviceAuthorizationDecided: "decided",
}
_NOTHING: Mapping[type[TesseraError], str] = {}
# Fields of token's requests that hold what the caller said, by the name that the caller knows.
_CALLERS_FIELDS = {
    "user_id": "user_id",
    "proof.identity": "identity",
    "cursor": "cursor",
    "page_size": "page_size",
    "page_token": "page_token",
}
# What becomes of users that concerns links; of a kind that is newer than this version nothing is known.
_KINDS = {
    feed_service_pb2.UserEvent.KIND_CREATED: UserEventKind.CREATED,
    feed_service_pb2.UserEvent.KIND_DELETED: UserEventKind.DELETED,
}
_ERASURES: dict[int, Erasure] = {
    user_data_service_pb2.EraseUserResponse.OUTCOME_ERASED: "erased",
    user_data_service_pb2.EraseUserResponse.OUTCOME_ABSENT: "absent",
    user_data_service_pb2.EraseUserResponse.OUTCOME_OUT_OF_REACH: "out_of_reach",
    user_data_service_pb2.EraseUserResponse.OUTCOME_LAST_SUPERADMIN: "last_superadmin",
}


@dataclass(frozen=True, slots=True)
class User:
    """A user, as token knows it: role `superadmin`, `admin` or `user`; status `enabled` or `disabled`."""

    role: str
    status: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How a user was proven: method, and the identity as it is shown. Token writes it to its audit log."""

    method: str
    identity: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller for whom a token for somebody else is issued; no role where its reach is a list of permissions."""

    subject: str
    role: str
    scopes: frozenset[str]
    permissions: frozenset[str]


class TokenPeer:
    """Calls token for account. Each call but a stream answers, or refuses within 2 seconds.

    Args:
        addresses: its workers.
        client_id: id of this service's identity.
        client_key: signs the assertions that prove it.
        domain_id: domain it belongs to.
        clock: stamps them.
        tls: how it is called; nothing: in plaintext.
    """

    def __init__(
        self,
        addresses: tuple[Address, ...],
        *,
        client_id: str,
        client_key: EllipticCurvePrivateKey,
        domain_id: str,
        clock: Clock,
        tls: Certificates | None = None,
    ) -> None:
        targets = [str(address) for address in addresses]
        # Nothing is tried again here: whoever calls account may do so.
        self._token = open_channel(*targets, tls=tls, timeout=_TIMEOUT_SECONDS, retry=False)
        self._access_tokens = AccessTokens(
            self._token, PrivateKeyJwt(client_id, client_key, audience=domain_id, now=clock.now), now=clock.now
        )
        self._channel = open_channel(
            *targets, access_tokens=self._access_tokens, tls=tls, timeout=_TIMEOUT_SECONDS, retry=False
        )
        self._issuers = token_service_pb2_grpc.TokenServiceStub(self._token)
        self._mint = token_service_pb2_grpc.MintServiceStub(self._channel)
        self._users = feed_service_pb2_grpc.UserFeedServiceStub(self._channel)
        self._user_data = user_data_service_pb2_grpc.UserDataServiceStub(self._channel)

    async def close(self) -> None:
        """Close the channels; calls under way end as unavailable."""
        await self._channel.close()
        await self._token.close()

    async def get_user(self, domain_id: str, user_id: str) -> User:
        """Ask who a user is. Raises `NotFoundLinkUser`, `FieldInvalid`, `Unavailable`."""
        request = token_service_pb2.GetUserRequest(domain_id=domain_id, user_id=user_id)
        answer = await self._call(self._mint.GetUser, request)
        return User(answer.role, answer.status)

    async def get_logon_domain(self, domain_id: str, host: str = "") -> LogonDomain | None:
        """A domain as a page needs it, `None` where there is none. Raises `Unavailable`.

        Args:
            domain_id: the domain; empty: that of the host, or the default one.
            host: at which the page stands.
        """
        request = token_service_pb2.GetServerMetadataRequest(domain_id=domain_id)
        metadata = (*_metadata(), ("x-tessera-host", host))
        try:
            found = await self._issuers.GetServerMetadata(request, metadata=metadata)
        except (errors.NotFoundDomain, errors.FieldInvalid):
            return None
        except TesseraError as error:
            raise _refusal(error) from error
        return LogonDomain(found.domain_id, found.issuer)

    async def get_logon_app(self, client_id: str, redirect_uri: str = "") -> LogonApp | None:
        """An app as a page shows it, `None` where there is none. Raises `Unavailable`.

        Args:
            client_id: the app.
            redirect_uri: one that came with a request, of which it is asked whether it is the app's.
        """
        request = token_service_pb2.GetLogonAppRequest(client_id=client_id, redirect_uri=redirect_uri)
        try:
            app = await self._mint.GetLogonApp(request, metadata=_metadata())
        except (errors.NotFoundApp, errors.FieldInvalid):
            # What cannot be an id is none.
            return None
        except TesseraError as error:
            raise _refusal(error) from error
        return LogonApp(
            client_id=app.client_id,
            domain_id=app.domain_id,
            issuer=app.issuer,
            domain_name=app.domain_name,
            name=app.name,
            description=app.description,
            logo=app.logo,
            scopes=tuple(app.scopes),
            admitted=app.admitted,
            skip_consent=app.skip_consent,
            needs_code_challenge=app.needs_code_challenge,
            redeems_codes=app.redeems_codes,
            redirect_uri_registered=app.redirect_uri_registered,
        )

    async def create_user(
        self, domain_id: str, once: UUID, proof: Proof, *, client_id: str, nick_name: str, avatar: str
    ) -> str:
        """Have a user made for an identity that was proven for the first time; the user's id.

        Idempotent by `once`, a UUIDv7 of today.

        Raises:
            NotFoundLinkUser: the user that it made before is gone.
            LogonRefused: `full`, the domain has as many users as it may.
            FieldInvalid: it was made before with something else.
            Unavailable: token is away.
        """
        request = token_service_pb2.CreateUserForLogonRequest(
            domain_id=domain_id,
            request_id=str(once),
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
            client_id=client_id,
            nick_name=nick_name,
            avatar=avatar,
        )
        answer = await self._call(self._mint.CreateUserForLogon, request, {errors.QuotaExceeded: "full"})
        return str(answer.user_id)

    async def create_authorization_code(
        self,
        app: LogonApp,
        user_id: str,
        proof: Proof,
        proven_at: datetime,
        *,
        redirect_uri: str,
        scopes: Sequence[str],
        code_challenge: str,
        nonce: str,
    ) -> str:
        """Have an authorization code made for a user who was proven.

        Args:
            app: to which the user logs on.
            user_id: the user.
            proof: how the user was proven.
            proven_at: when.
            redirect_uri: where the code is sent.
            scopes: that the user consented to.
            code_challenge: of method S256; empty: none.
            nonce: OpenID's; empty: none.

        Raises:
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled.
            PermissionDenied: the app is not admitted any more.
            Unavailable: token is away.
        """
        request = token_service_pb2.CreateAuthorizationCodeRequest(
            domain_id=app.domain_id,
            client_id=app.client_id,
            user_id=user_id,
            redirect_uri=redirect_uri,
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
            scope=" ".join(scopes),
            code_challenge=code_challenge,
            nonce=nonce,
        )
        request.auth_time.FromDatetime(proven_at)
        return str((await self._call(self._mint.CreateAuthorizationCode, request)).code)

    async def get_device(self, user_code: str, domain_id: str, host: str) -> Device:
        """The device that shows a code.

        Args:
            user_code: as its user entered it.
            domain_id: whose device it is; empty: that of the host.
            host: at which the user did.

        Raises:
            LogonRefused: `user_code`, no device shows that; `decided`, it was used; `guesses`, too many were wrong.
            Unavailable: token is away.
        """
        request = token_service_pb2.GetDeviceAuthorizationRequest(user_code=user_code, domain_id=domain_id, host=host)
        found = await self._call(
            self._mint.GetDeviceAuthorization,
            request,
            _NO_DEVICE
            | {errors.NotFoundDomain: "user_code", errors.FieldInvalid: "user_code", errors.GuessesExceeded: "guesses"},
        )
        return Device(found.authorization_id, found.domain_id, found.client_id, tuple(found.scopes), found.device_name)

    async def decide_device(
        self, device: Device, user_id: str, proof: Proof, proven_at: datetime, *, approve: bool
    ) -> None:
        """Let a device be logged on as a user, or not. Of several decisions the first counts.

        Raises:
            LogonRefused: `user_code`, it asks no longer; `decided`.
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled.
            Unavailable: token is away; whether it was decided is unknown.
        """
        kinds = token_service_pb2.DecideDeviceAuthorizationRequest
        request = token_service_pb2.DecideDeviceAuthorizationRequest(
            domain_id=device.domain_id,
            authorization_id=device.authorization_id,
            decision=kinds.DECISION_APPROVE if approve else kinds.DECISION_DENY,
            user_id=user_id,
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
        )
        request.auth_time.FromDatetime(proven_at)
        await self._call(self._mint.DecideDeviceAuthorization, request, _NO_DEVICE)

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
            raise _refusal(error) from error
        finally:
            call.cancel()

    async def unknown_users(self, domain_id: str, user_ids: Sequence[str]) -> list[str]:
        """Those of up to 1,000 ids that are no user's in a domain; empty where all are. Raises `Unavailable`."""
        request = feed_service_pb2.CheckUsersRequest(domain_id=domain_id, user_ids=user_ids)
        try:
            answer = await self._users.CheckUsers(request)
        except TesseraError as error:
            raise _refusal(error) from error
        return list(answer.unknown_user_ids)

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

    @staticmethod
    async def _call(
        method: Callable[..., Awaitable[Answer]], request: Any, pages: Mapping[type[TesseraError], str] = _NOTHING
    ) -> Answer:
        """Make a call, with the request's id, by which the logs of both services are read together.

        Args:
            method: of a stub.
            request: its request.
            pages: refusals that a page says, by the key of `LogonRefused`.
        """
        try:
            return await method(request, metadata=_metadata())
        except TesseraError as error:
            if key := pages.get(type(error)):
                raise LogonRefused(key, str(error)) from error
            raise _refusal(error) from error


def _metadata() -> tuple[tuple[str, str], ...]:
    return (("x-request-id", request_id()),)


def _refusal(error: TesseraError) -> Refusal:
    detail = str(error)
    if error.method == _TOKEN:
        # Away or refusing: to who needs the access token it is one, and the log tells which.
        return Unavailable("token service", detail=detail)
    if refusal := _REFUSALS.get(type(error)):
        return refusal(detail=detail)
    if isinstance(error, errors.FieldInvalid) and error.field in _CALLERS_FIELDS:
        return FieldInvalid(_CALLERS_FIELDS[error.field])
    return Unavailable("token service", detail=detail) if error.code() in _AWAY else Internal(detail=detail)
