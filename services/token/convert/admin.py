"""Messages of the admin RPCs to model and back, and the rules of the wire that proto/ cannot say."""

from typing import Any, TypeVar

from cryptography.hazmat.primitives import serialization
from google.protobuf.message import Message
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.masks import read_changes
from services.runtime.pages import Page, bigint
from services.runtime.requests import read_request
from services.token.actions.apps.create_app import NewApp
from services.token.convert import admin_fields
from services.token.errors import EtagMismatch
from services.token.jwk import read_trusted_key
from services.token.model import AccessKeyLimits, AppType
from services.token.records import (
    AccessKeyRecord,
    AppRecord,
    DomainRecord,
    PushAppRecord,
    Record,
    RequestId,
    TrustedKeyRecord,
    secret_id,
)

M = TypeVar("M", bound=Message)
_TOKENS_PER_ACCOUNT = 100

_APP_TYPES = {
    admin_pb2.APP_TYPE_WEB_SERVER: AppType.WEB_SERVER,
    admin_pb2.APP_TYPE_WEB_BROWSER: AppType.WEB_BROWSER,
    admin_pb2.APP_TYPE_NATIVE: AppType.NATIVE,
    admin_pb2.APP_TYPE_JWT: AppType.JWT,
    admin_pb2.APP_TYPE_SERVICE: AppType.SERVICE,
}
_APP_TYPE_NAMES = {model: message for message, model in _APP_TYPES.items()}


def read_new_app(message: admin_pb2.CreateAppRequest) -> NewApp:
    """What an app is to be."""
    app_type = _APP_TYPES.get(message.type)
    if app_type is None:
        raise FieldInvalid("type")
    if app_type is AppType.JWT and not message.public_key_pem:
        raise FieldMissing("public_key_pem")
    return NewApp(
        name=admin_fields.read_name("name", message.name),
        type=app_type,
        description=admin_fields.read_text("description", message.description),
        logo=admin_fields.read_logo("logo", message.logo),
        redirect_uris=admin_fields.read_redirect_uris("redirect_uris", message.redirect_uris),
        scopes=admin_fields.read_scopes("scopes", message.scopes),
        permissions=admin_fields.read_permissions("permissions", message.permissions),
        push_access_ids=admin_fields.read_push_apps("push_access_ids", message.push_access_ids),
        key=read_trusted_key(message.public_key_pem) if message.public_key_pem else None,
        skip_consent=message.skip_consent,
        device_flow=message.device_flow,
    )


def read_new_access_key(
    message: admin_pb2.CreateAccessKeyRequest,
) -> tuple[str, tuple[str, ...], AccessKeyLimits]:
    """Name, permissions and limits of an access key."""
    limits = AccessKeyLimits(
        admin_fields.read_paths("paths", message.paths),
        admin_fields.read_networks("networks", message.networks),
        message.refuse_acs,
    )
    name = admin_fields.read_label("name", message.name)
    return name, admin_fields.read_permissions("permissions", message.permissions), limits


def read_push_app_settings(message: admin_pb2.CreatePushAppRequest) -> tuple[str, int]:
    """Name of a push app, and how many tokens an account may have."""
    tokens = message.tokens_per_account or _TOKENS_PER_ACCOUNT
    return admin_fields.read_name("name", message.name), admin_fields.read_tokens_per_account(
        "tokens_per_account", tokens
    )


def read_new_domain(message: domain_pb2.CreateDomainRequest) -> tuple[str, str, str]:
    """Id, name and issuer of a domain; the issuer may be empty."""
    return (
        admin_fields.read_new_domain_id("domain_id", message.domain_id),
        admin_fields.read_label("name", message.name),
        admin_fields.read_issuer("issuer", message.issuer),
    )


def read_request_id(message: Any, caller: Principal) -> RequestId | None:
    """What tells a call that is made again; `None` where it is not to be told from any other."""
    read = read_request(message, caller.responsible)
    return RequestId(*read) if read else None


def read_etag(text: str) -> int | None:
    """The version that an etag shows; `None` where none is meant. Raises `EtagMismatch` for what is no etag."""
    try:
        return etags.read_etag(text)
    except ValueError as error:
        raise EtagMismatch(detail="no etag") from error


def read_app_changes(request: admin_pb2.UpdateAppRequest) -> dict[str, Any]:
    """New values of an app by field."""
    return read_changes("app", request.app, request.update_mask, admin_fields.APP_FIELDS)


def read_access_key_changes(request: admin_pb2.UpdateAccessKeyRequest) -> dict[str, Any]:
    """New values of an access key by field."""
    return read_changes("access_key", request.access_key, request.update_mask, admin_fields.ACCESS_KEY_FIELDS)


def read_push_app_changes(request: admin_pb2.UpdatePushAppRequest) -> dict[str, Any]:
    """New values of a push app by field."""
    return read_changes("push_app", request.push_app, request.update_mask, admin_fields.PUSH_APP_FIELDS)


def read_domain_changes(request: domain_pb2.UpdateDomainRequest) -> dict[str, Any]:
    """New values of a domain by field."""
    return read_changes("domain", request.domain, request.update_mask, admin_fields.DOMAIN_FIELDS)


def read_app_type(value: int) -> AppType | None:
    """A type to list apps of; `None`: of every type."""
    if value and value not in _APP_TYPES:
        raise FieldInvalid("type")
    return _APP_TYPES.get(value)  # type: ignore[call-overload, no-any-return]


def write_app_type(app_type: AppType) -> admin_pb2.AppType.ValueType:
    """A type."""
    return _APP_TYPE_NAMES[app_type]


def push_app_page(request: admin_pb2.ListPushAppsRequest, domain_id: str) -> Page:
    """A page of push apps, whose ids are numbers."""
    return Page(request, ("ListPushApps", domain_id), bigint, 0)


def write_app(record: AppRecord) -> admin_pb2.App:
    """An app."""
    app = record.app
    message = admin_pb2.App(
        client_id=app.client_id,
        name=app.name,
        type=write_app_type(app.type),
        description=app.description,
        logo=app.logo,
        redirect_uris=app.redirect_uris,
        scopes=app.scopes,
        permissions=app.permissions,
        push_access_ids=app.push_access_ids,
        admitted=app.admitted,
        secrets=[nouns_pb2.AppSecret(secret_id=secret_id(digest)) for digest in app.secret_hashes],
        grace_repeats=app.grace_repeats,
        repeat_until_used=app.repeat_until_used,
        token_type=app.token_type,
        skip_consent=app.skip_consent,
        device_flow=app.device_flow,
    )
    message.grace.FromTimedelta(app.grace)
    if app.session_idle:
        message.session_idle.FromTimedelta(app.session_idle)
    if app.session_lifetime:
        message.session_lifetime.FromTimedelta(app.session_lifetime)
    return _with_record(message, record.record)


def write_trusted_key(key: TrustedKeyRecord) -> nouns_pb2.TrustedKey:
    """A key of an app."""
    public = serialization.load_der_public_key(key.public_key)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    message = nouns_pb2.TrustedKey(
        key_id=key.key_id, algorithm=key.algorithm, public_key_pem=pem.decode(), enabled=key.enabled
    )
    message.create_time.FromDatetime(key.created_at)
    return message


def write_access_key(record: AccessKeyRecord) -> nouns_pb2.AccessKey:
    """An access key."""
    return _with_record(
        nouns_pb2.AccessKey(
            access_key_id=record.access_key_id,
            name=record.name,
            permissions=record.permissions,
            enabled=record.enabled,
            paths=record.paths,
            networks=map(str, record.networks),
            refuse_acs=record.refuse_acs,
        ),
        record.record,
    )


def write_push_app(record: PushAppRecord) -> nouns_pb2.PushApp:
    """A push app."""
    return _with_record(
        nouns_pb2.PushApp(
            access_id=record.access_id,
            name=record.name,
            tokens_per_account=record.tokens_per_account,
            append_enabled=record.append_enabled,
            enabled=record.enabled,
        ),
        record.record,
    )


def write_domain(record: DomainRecord) -> nouns_pb2.Domain:
    """A domain."""
    domain = record.domain
    message = nouns_pb2.Domain(
        domain_id=domain.domain_id,
        issuer=domain.issuer,
        name=domain.name,
        scopes=domain.scopes,
        impersonate_superadmins=domain.impersonate_superadmins,
        algorithm=domain.algorithm,
        grants_per_second=domain.grants_per_second or 0,
        max_users=domain.max_users or 0,
        max_apps=domain.max_apps or 0,
    )
    message.rotation_period.FromTimedelta(domain.rotation_period)
    message.audit_retention.FromTimedelta(domain.audit_retention)
    return _with_record(message, record.record)


def _with_record(message: M, record: Record) -> M:
    fields: Any = message
    fields.create_time.FromDatetime(record.created_at)
    if record.updated_at:
        fields.update_time.FromDatetime(record.updated_at)
    fields.etag = etags.write_etag(record.version)
    return message
