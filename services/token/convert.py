"""Messages to model and back, and the rules of the wire that proto/ cannot say."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tessera.token.v1 import audit_service_pb2 as audit_pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.auth import ROLES
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.ids import time_of
from services.runtime.keys import VerificationKey
from services.runtime.pages import page_size
from services.runtime.validation import CONTROL, USER_ID
from services.token.actions.create_authorization_code import CodeRequest
from services.token.actions.get_server_metadata import ServerMetadata
from services.token.actions.list_audit_events import AuditQuery
from services.token.errors import InvalidScope
from services.token.events import EventName
from services.token.jwk import members
from services.token.model import (
    CODE_CHALLENGE,
    ID,
    SCOPE,
    Actor,
    AuditEvent,
    Issued,
    Proof,
    TokenRequest,
    User,
)

_MAX_PARAMETER = 4096
MAX_NAME = 128
_MAX_DEVICE = 128
_MAX_URI = 2048
_MAX_SCOPES = 50
# What the time in an event's id can be.
_FIRST_TIME, _LAST_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def checked_text(field: str, text: str, longest: int) -> str:
    """A text of at most `longest` characters, none of them a control character. Raises `FieldInvalid`."""
    if len(text) > longest or CONTROL.search(text):
        raise FieldInvalid(field)
    return text


def checked_user_id(text: str) -> str:
    """A user's id. Raises `FieldInvalid`."""
    if not USER_ID.fullmatch(text):
        raise FieldInvalid("user_id")
    return text


def checked_client_id(text: str) -> str:
    """An app's id. Raises `FieldInvalid`."""
    if not ID.fullmatch(text):
        raise FieldInvalid("client_id")
    return text


def checked_domain_id(text: str) -> str:
    """A domain's id. Raises `FieldInvalid`."""
    if not ID.fullmatch(text):
        raise FieldInvalid("domain_id")
    return text


def read_token_request(message: token_service_pb2.TokenRequest, authorization: str) -> TokenRequest:
    """Read a request to the token endpoint, with its `authorization` header, of which only Basic counts here."""
    for name in ("grant_type", "client_id", "client_secret", "redirect_uri", "code", "refresh_token"):
        if len(getattr(message, name)) > _MAX_PARAMETER:
            raise FieldInvalid(name)
    scheme, _, credential = authorization.partition(" ")
    return TokenRequest(
        grant_type=message.grant_type,
        client_id=message.client_id,
        client_secret=message.client_secret,
        basic=credential.strip() if scheme.lower() == "basic" else "",
        client_assertion_type=message.client_assertion_type,
        client_assertion=message.client_assertion,
        code=message.code,
        redirect_uri=checked_text("redirect_uri", message.redirect_uri, _MAX_URI),
        code_verifier=message.code_verifier,
        refresh_token=message.refresh_token,
        assertion=message.assertion,
        scopes=_read_scopes(message.scope),
    )


def write_issued(issued: Issued) -> token_pb2.Token:
    """The vendor's Token."""
    message = token_pb2.Token(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_in=issued.expires_at - issued.issued_at,
        token_type="Bearer",  # noqa: S106 a type
        status="enabled",
        expire_time=datetime.fromtimestamp(issued.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        domain_id=issued.domain_id,
        scope=" ".join(issued.scopes),
    )
    if session := issued.session:
        message.user_id = session.user_id
        message.user_name = session.user_name
        message.avatar = session.avatar
        message.nick_name = session.nick_name
        message.default_drive_id = session.default_drive_id
        message.role = session.role
        message.is_first_login = session.is_first
        message.device_id = session.device_id
        message.device_name = session.device_name
    return message


def write_jwks(keys: Iterable[VerificationKey]) -> token_service_pb2.GetJwksResponse:
    """A JWKS."""
    return token_service_pb2.GetJwksResponse(keys=map(write_jwk, keys))


def write_verification_key(key: VerificationKey) -> token_pb2.VerificationKey:
    """A key as services follow it."""
    return token_pb2.VerificationKey(
        use=key.use,  # type: ignore[arg-type]
        key_id=key.key_id,
        issuer=key.issuer,
        domain_id=key.domain_id,
        jwk=write_jwk(key),
    )


def write_jwk(key: VerificationKey) -> token_pb2.JsonWebKey:
    """One public key."""
    return token_pb2.JsonWebKey(use="sig", alg=key.algorithm, kid=key.key_id, **members(key.public_key))


def write_server_metadata(metadata: ServerMetadata) -> token_service_pb2.GetServerMetadataResponse:
    """What an issuer offers."""
    return token_service_pb2.GetServerMetadataResponse(
        issuer=metadata.issuer,
        token_endpoint=metadata.token_endpoint,
        jwks_uri=metadata.jwks_uri,
        grant_types_supported=metadata.grant_types,
        response_types_supported=metadata.response_types,
        token_endpoint_auth_methods_supported=metadata.auth_methods,
        token_endpoint_auth_signing_alg_values_supported=metadata.auth_signing_algs,
        code_challenge_methods_supported=metadata.code_challenge_methods,
    )


def read_proof(message: token_pb2.Proof) -> Proof:
    """How a user was proven."""
    if not message.method:
        raise FieldMissing("proof.method")
    return Proof(
        checked_text("proof.method", message.method, MAX_NAME),
        checked_text("proof.identity", message.identity, _MAX_URI),
    )


def read_actor(request: token_service_pb2.IssueTokenRequest) -> Actor | None:
    """Who acts for the user; `None` where nobody does."""
    if not request.HasField("actor"):
        return None
    actor = request.actor
    if not actor.subject:
        raise FieldMissing("actor.subject")
    if actor.role and actor.role not in ROLES:
        raise FieldInvalid("actor.role")
    subject = checked_text("actor.subject", actor.subject, MAX_NAME)
    return Actor(subject, actor.role, tuple(actor.scopes), frozenset(actor.permissions))


def read_code_request(message: token_service_pb2.CreateAuthorizationCodeRequest) -> CodeRequest:
    """What a code is to be bound to."""
    if message.code_challenge and not CODE_CHALLENGE.fullmatch(message.code_challenge):
        raise FieldInvalid("code_challenge")
    return CodeRequest(
        domain_id=checked_domain_id(message.domain_id),
        client_id=message.client_id,
        user_id=checked_user_id(message.user_id),
        redirect_uri=checked_text("redirect_uri", message.redirect_uri, _MAX_URI),
        scopes=_read_scopes(message.scope),
        code_challenge=message.code_challenge,
        device_id=checked_text("device_id", message.device_id, _MAX_DEVICE),
        device_name=checked_text("device_name", message.device_name, _MAX_DEVICE),
        nonce=checked_text("nonce", message.nonce, MAX_NAME),
        proof=read_proof(message.proof),
    )


def write_user(user: User) -> token_service_pb2.GetUserResponse:
    """Who a user is."""
    return token_service_pb2.GetUserResponse(user_id=user.user_id, role=user.role, status=user.status)


def read_audit_query(message: audit_pb2.ListAuditEventsRequest) -> AuditQuery:
    """Which events are wanted, and which page of them."""
    if message.event and message.event not in set(EventName):
        raise FieldInvalid("event")
    if message.client_id and not ID.fullmatch(message.client_id):
        raise FieldInvalid("client_id")
    return AuditQuery(
        start=_read_time("start_time", message),
        end=_read_time("end_time", message),
        event=message.event,
        client_id=message.client_id,
        user_id=checked_user_id(message.user_id) if message.user_id else "",
        session_id=_read_session_id(message.session_id),
        oldest_first=message.oldest_first,
        size=page_size(message.page_size),
        page_token=message.page_token,
    )


def _read_time(field: str, message: audit_pb2.ListAuditEventsRequest) -> datetime | None:
    if not message.HasField(field):  # type: ignore[arg-type]  # one of its two times
        return None
    try:
        moment: datetime = getattr(message, field).ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(field) from error
    if not _FIRST_TIME <= moment <= _LAST_TIME:
        raise FieldInvalid(field)
    return moment


def _read_session_id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise FieldInvalid("session_id") from error


def write_audit_events(events: Iterable[AuditEvent], next_page: str) -> audit_pb2.ListAuditEventsResponse:
    """A page of events, and what asks for the next one."""
    response = audit_pb2.ListAuditEventsResponse(next_page_token=next_page)
    for event in events:
        added = response.events.add(
            event_id=str(event.event_id),
            event=event.event,
            client_id=event.client_id or "",
            user_id=event.user_id or "",
            session_id=str(event.session_id or ""),
            actor=event.actor or "",
            proof_method=event.proof_method or "",
            proof_identity=event.proof_identity or "",
            detail=event.detail or "",
        )
        added.event_time.FromDatetime(time_of(event.event_id))
    return response


def _read_scopes(text: str) -> tuple[str, ...]:
    """Scopes by blanks (RFC 6749 section 3.3) or commas, as the vendor's clients send them."""
    scopes = each_once(text.replace(",", " ").split(" "))
    scopes = tuple(scope for scope in scopes if scope)
    if len(scopes) > _MAX_SCOPES or not all(map(SCOPE.fullmatch, scopes)):
        raise InvalidScope(detail="scope: not well-formed")
    return scopes


def each_once(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values without those that stand there again, in their order."""
    return tuple(dict.fromkeys(values))
