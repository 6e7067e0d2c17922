"""Messages of logons, in a browser or for a device without one, to model and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import token_service_pb2 as pb2

from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid
from services.runtime.ids import uuid7_time
from services.runtime.validation import checked_name, checked_text, checked_user_id
from services.token.actions.create_authorization_code import CodeRequest
from services.token.actions.create_device_authorization import INTERVAL_SECONDS, LIFETIME, DeviceCodes
from services.token.actions.decide_device_authorization import DeviceDecision
from services.token.actions.phases import admission
from services.token.convert.admin import read_request_id, write_app_type
from services.token.convert.admin_fields import read_logo
from services.token.convert.fields import (
    MAX_NAME,
    MAX_URI,
    checked_client_id,
    checked_domain_id,
    checked_uuid,
    timestamp,
)
from services.token.convert.tokens import Headers, read_client_request, read_proof, read_scopes
from services.token.model import (
    CODE_CHALLENGE,
    App,
    Decision,
    DeviceAuthorization,
    DeviceRequest,
    Domain,
    LogonUser,
    is_registered,
)
from services.token.records import RequestId

_MAX_DEVICE = 128
# What a person types, with whatever stands between the letters.
_MAX_USER_CODE = 64
_MAX_HOST = 260

_DECISIONS: Mapping[int, Decision] = {
    pb2.DecideDeviceAuthorizationRequest.DECISION_APPROVE: "approved",
    pb2.DecideDeviceAuthorizationRequest.DECISION_DENY: "denied",
}


def read_logon_app(message: pb2.GetLogonAppRequest) -> str:
    """The id of an app. A redirect URI is only compared: it may be anything."""
    return checked_client_id(message.client_id)


def write_logon_app(app: App, domain: Domain, redirect_uri: str) -> pb2.GetLogonAppResponse:
    """An app for a page; `redirect_uri`: the one that was asked about."""
    return pb2.GetLogonAppResponse(
        client_id=app.client_id,
        domain_id=domain.domain_id,
        issuer=domain.issuer,
        domain_name=domain.name,
        type=write_app_type(app.type),
        name=app.name,
        description=app.description,
        logo=app.logo,
        redirect_uris=app.redirect_uris,
        scopes=app.scopes,
        admitted=app.admitted,
        skip_consent=app.skip_consent,
        needs_code_challenge=admission.is_public(app.type),
        redeems_codes=admission.redeems_codes(app.type),
        redirect_uri_registered=is_registered(app.type, app.redirect_uris, redirect_uri),
    )


def read_logon_user(message: pb2.CreateUserForLogonRequest, caller: Principal) -> tuple[LogonUser, RequestId | None]:
    """What a user is to be who logs on for the first time, and what tells the call that is made again."""
    new = LogonUser(
        domain_id=checked_domain_id(message.domain_id),
        client_id=checked_client_id(message.client_id) if message.client_id else "",
        user_name=checked_text("user_name", message.user_name, MAX_NAME),
        nick_name=checked_text("nick_name", message.nick_name, MAX_NAME),
        avatar=read_logo("avatar", message.avatar),
        proof=read_proof(message.proof),
    )
    return new, read_request_id(message, caller)


def read_code_request(message: pb2.CreateAuthorizationCodeRequest) -> CodeRequest:
    """What a code is to be bound to."""
    if message.code_challenge and not CODE_CHALLENGE.fullmatch(message.code_challenge):
        raise FieldInvalid("code_challenge")
    return CodeRequest(
        domain_id=checked_domain_id(message.domain_id),
        client_id=message.client_id,
        user_id=checked_user_id(message.user_id),
        redirect_uri=checked_text("redirect_uri", message.redirect_uri, MAX_URI),
        scopes=read_scopes(message.scope),
        code_challenge=message.code_challenge,
        nonce=checked_text("nonce", message.nonce, MAX_NAME),
        proof=read_proof(message.proof),
        authenticated_at=_read_auth_time(message),
        browser_id=checked_uuid("browser_id", message.browser_id) if message.browser_id else None,
        **_read_device(message),
    )


def read_device_request(message: pb2.CreateDeviceAuthorizationRequest, headers: Headers) -> DeviceRequest:
    """What a device asks for, with its client's headers."""
    return DeviceRequest(
        **read_client_request(message, headers), scopes=read_scopes(message.scope), **_read_device(message)
    )


def write_device_codes(codes: DeviceCodes) -> pb2.CreateDeviceAuthorizationResponse:
    """What a device is told."""
    return pb2.CreateDeviceAuthorizationResponse(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_uri=codes.verification_uri,
        verification_uri_complete=codes.verification_uri_complete,
        expires_in=int(LIFETIME.total_seconds()),
        interval=INTERVAL_SECONDS,
    )


def read_domain_query(
    message: pb2.GetLogonDomainRequest | pb2.GetDeviceAuthorizationRequest,
) -> tuple[str, str]:
    """Domain and host of a page; both may be empty."""
    domain_id = checked_domain_id(message.domain_id) if message.domain_id else ""
    return domain_id, checked_text("host", message.host, _MAX_HOST).lower()


def read_device_query(message: pb2.GetDeviceAuthorizationRequest) -> tuple[str, str, str]:
    """Domain, host and code of what is looked for; the first two may be empty."""
    return *read_domain_query(message), checked_text("user_code", message.user_code, _MAX_USER_CODE)


def write_device_authorization(found: DeviceAuthorization) -> pb2.GetDeviceAuthorizationResponse:
    """What a device asks for."""
    return pb2.GetDeviceAuthorizationResponse(
        authorization_id=str(found.authorization_id),
        domain_id=found.domain_id,
        client_id=found.client_id,
        scopes=found.scopes,
        device_name=found.device_name,
        create_time=timestamp(uuid7_time(found.authorization_id)),
        expire_time=timestamp(found.expires_at),
    )


def read_device_decision(message: pb2.DecideDeviceAuthorizationRequest) -> DeviceDecision:
    """What a user decided."""
    decision = _DECISIONS.get(message.decision)
    if decision is None:
        raise FieldInvalid("decision")
    return DeviceDecision(
        domain_id=checked_domain_id(message.domain_id),
        authorization_id=checked_uuid("authorization_id", message.authorization_id),
        decision=decision,
        user_id=checked_user_id(message.user_id),
        scopes=read_scopes(message.scope),
        proof=read_proof(message.proof),
        authenticated_at=_read_auth_time(message),
    )


def _read_device(message: Any) -> dict[str, str]:
    return {
        "device_id": checked_text("device_id", message.device_id, _MAX_DEVICE),
        "device_name": checked_name("device_name", message.device_name, _MAX_DEVICE),
    }


def _read_auth_time(message: Any) -> datetime | None:
    if not message.HasField("auth_time"):
        return None
    moment: Timestamp = message.auth_time
    try:
        return moment.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid("auth_time") from error
