"""Messages of the OAuth server, of minting and of keys to model and back."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.auth import ROLES
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.keys import VerificationKey
from services.runtime.validation import checked_text
from services.token.actions.get_server_metadata import CLAIMS, LANGUAGES, PROMPTS, ServerMetadata
from services.token.actions.grants.token_exchange import ACCESS_TOKEN_TYPE
from services.token.actions.introspect_token import Introspection
from services.token.convert.fields import MAX_NAME, MAX_SCOPES, MAX_URI, checked_domain_id, each_once, timestamp
from services.token.errors import InvalidScope
from services.token.jwk import members
from services.token.model import (
    SCOPE,
    Actor,
    Issued,
    PresentedToken,
    Proof,
    TokenRequest,
    User,
    UserInfo,
)

_MAX_PARAMETER = 4096
# As many of the longest as there may be, and something between them.
_MAX_SCOPE_TEXT = MAX_SCOPES * (128 + 2)


@dataclass(frozen=True, slots=True)
class Headers:
    """What of a call's metadata tells who calls whom: `authorization`, and the host that the gateway was called by."""

    authorization: str = field(repr=False)
    host: str


def read_headers(metadata: Iterable[tuple[str, str | bytes]] | None) -> Headers:
    """Read a call's metadata; what is absent is empty."""
    values = dict(metadata or ())
    return Headers(str(values.get("authorization", "")), str(values.get("x-tessera-host", "")).lower())


def read_token_request(message: token_service_pb2.TokenRequest, headers: Headers) -> TokenRequest:
    """Read a request to the token endpoint, with its headers; of `authorization` only Basic counts here."""
    for name in ("grant_type", "redirect_uri", "code", "refresh_token", "audience", "resource", "device_code"):
        if len(getattr(message, name)) > _MAX_PARAMETER:
            raise FieldInvalid(name)
    return TokenRequest(
        **read_client_request(message, headers),
        grant_type=message.grant_type,
        code=message.code,
        redirect_uri=checked_text("redirect_uri", message.redirect_uri, MAX_URI),
        code_verifier=message.code_verifier,
        refresh_token=message.refresh_token,
        assertion=message.assertion,
        scopes=read_scopes(message.scope),
        subject_token=message.subject_token,
        subject_token_type=message.subject_token_type,
        requested_token_type=message.requested_token_type,
        audience=message.audience,
        resource=message.resource,
        actor_token=message.actor_token,
        device_code=message.device_code,
    )


def read_presented_token(
    message: token_service_pb2.RevokeTokenRequest | token_service_pb2.IntrospectTokenRequest, headers: Headers
) -> PresentedToken:
    """Read a token that a client presents, with the headers. The hint is not needed."""
    return PresentedToken(**read_client_request(message, headers), token=message.token)


def read_client_request(message: Any, headers: Headers) -> dict[str, str]:
    """What a client proves itself by, of any message that has the parameters for it."""
    for name in ("client_id", "client_secret"):
        if len(getattr(message, name)) > _MAX_PARAMETER:
            raise FieldInvalid(name)
    scheme, _, credential = headers.authorization.partition(" ")
    return {
        "host": headers.host,
        "client_id": message.client_id,
        "client_secret": message.client_secret,
        "basic": credential.strip() if scheme.lower() == "basic" else "",
        "client_assertion_type": message.client_assertion_type,
        "client_assertion": message.client_assertion,
    }


def write_issued(issued: Issued) -> token_pb2.Token:
    """The vendor's Token."""
    message = token_pb2.Token(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_in=issued.expires_at - issued.issued_at,
        token_type="Bearer",  # noqa: S106 a type
        status="enabled",
        expire_time=time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(issued.expires_at)),
        domain_id=issued.domain_id,
        scope=" ".join(issued.scopes),
        id_token=issued.id_token,
        issued_token_type=ACCESS_TOKEN_TYPE if issued.exchanged else None,
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
    return token_service_pb2.GetJwksResponse(
        keys=[write_jwk(key.key_id, key.algorithm, key.public_key) for key in keys]
    )


def write_verification_key(key: VerificationKey) -> token_pb2.VerificationKey:
    """A key as services follow it."""
    return token_pb2.VerificationKey(
        use=key.use,  # type: ignore[arg-type]
        key_id=key.key_id,
        issuer=key.issuer,
        domain_id=key.domain_id,
        jwk=write_jwk(key.key_id, key.algorithm, key.public_key),
    )


def write_jwk(key_id: str, algorithm: str, public_key: Any) -> token_pb2.JsonWebKey:
    """One public key."""
    return token_pb2.JsonWebKey(use="sig", alg=algorithm, kid=key_id, **members(public_key))


def write_introspection(found: Introspection | None) -> token_service_pb2.IntrospectTokenResponse:
    """What a token says; of one that is not active nothing but that."""
    if found is None:
        return token_service_pb2.IntrospectTokenResponse(active=False)
    return token_service_pb2.IntrospectTokenResponse(
        active=True,
        scope=found.scope,
        client_id=found.client_id,
        username=found.username,
        token_type=found.token_type,
        exp=found.exp,
        iat=found.iat,
        sub=found.sub,
        aud=found.aud,
        iss=found.iss,
        jti=found.jti,
        sid=found.sid,
        act=_write_actor(found.act) if found.act else None,
    )


def _write_actor(claim: Mapping[str, Any]) -> token_pb2.ActorClaim:
    inner = claim.get("act")
    return token_pb2.ActorClaim(sub=claim["sub"], act=_write_actor(inner) if inner else None)


def write_user_info(user: UserInfo) -> token_service_pb2.GetUserInfoResponse:
    """Who a user is; what it does not have is absent (OpenID Connect Core section 5.3.2)."""
    return token_service_pb2.GetUserInfoResponse(
        sub=user.user_id,
        name=user.nick_name or user.user_name or None,
        nickname=user.nick_name or None,
        preferred_username=user.user_name or None,
        picture=user.avatar or None,
        updated_at=int(user.updated_at.timestamp()),
    )


def write_server_metadata(metadata: ServerMetadata) -> token_service_pb2.GetServerMetadataResponse:
    """What an issuer offers."""
    domain = metadata.domain
    return token_service_pb2.GetServerMetadataResponse(
        issuer=domain.issuer,
        authorization_endpoint=domain.endpoint("authorize"),
        token_endpoint=domain.token_endpoint,
        userinfo_endpoint=domain.endpoint("userinfo"),
        revocation_endpoint=domain.endpoint("revoke"),
        introspection_endpoint=domain.endpoint("introspect"),
        jwks_uri=f"{domain.issuer}/.well-known/jwks.json",
        scopes_supported=metadata.scopes,
        response_types_supported=("code",),
        response_modes_supported=("query",),
        grant_types_supported=metadata.grant_types,
        subject_types_supported=("public",),
        id_token_signing_alg_values_supported=metadata.id_token_algorithms,
        claims_supported=CLAIMS,
        token_endpoint_auth_methods_supported=metadata.auth_methods,
        token_endpoint_auth_signing_alg_values_supported=metadata.assertion_algorithms,
        revocation_endpoint_auth_methods_supported=metadata.auth_methods,
        revocation_endpoint_auth_signing_alg_values_supported=metadata.assertion_algorithms,
        introspection_endpoint_auth_methods_supported=metadata.proving_methods,
        introspection_endpoint_auth_signing_alg_values_supported=metadata.assertion_algorithms,
        code_challenge_methods_supported=("S256",),
        authorization_response_iss_parameter_supported=True,
        device_authorization_endpoint=domain.endpoint("device/code"),
        prompt_values_supported=PROMPTS,
        ui_locales_supported=LANGUAGES,
    )


def read_proof(message: token_pb2.Proof) -> Proof:
    """How a user was proven."""
    if not message.method:
        raise FieldMissing("proof.method")
    return Proof(
        checked_text("proof.method", message.method, MAX_NAME),
        checked_text("proof.identity", message.identity, MAX_URI),
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


def read_discard(message: token_service_pb2.DiscardTokenRequest) -> tuple[str, str, str]:
    """Domain, client and refresh token of what is to be discarded. Raises `FieldInvalid`."""
    client_id = checked_text("client_id", message.client_id, MAX_NAME)
    return checked_domain_id(message.domain_id), client_id, message.refresh_token


def write_user(user: User) -> token_service_pb2.GetUserResponse:
    """Who a user is."""
    logged_off = timestamp(user.logged_off_at) if user.logged_off_at else None
    return token_service_pb2.GetUserResponse(
        user_id=user.user_id, role=user.role, status=user.status, logged_off_time=logged_off
    )


def read_scopes(text: str) -> tuple[str, ...]:
    """Scopes by blanks (RFC 6749 section 3.3) or commas, as the vendor's clients send them."""
    # Before it is taken apart: of megabytes of blanks that would hold up everybody.
    if len(text) > _MAX_SCOPE_TEXT:
        raise InvalidScope(detail="scope: too long")
    scopes = each_once(text.replace(",", " ").split(" "))
    scopes = tuple(scope for scope in scopes if scope)
    if len(scopes) > MAX_SCOPES or not all(map(SCOPE.fullmatch, scopes)):
        raise InvalidScope(detail="scope: not well-formed")
    return scopes
