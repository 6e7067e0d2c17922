"""Messages of the admin RPCs to model and back, and the rules of the wire that proto/ cannot say."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.pages import bigint, page_size, read_page_token, write_page_token
from services.token.actions.apps.create_app import NewApp
from services.token.convert import checked_text, each_once
from services.token.errors import EtagMismatch
from services.token.jwk import read_trusted_key
from services.token.model import SCOPE, AppType
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

T = TypeVar("T")
M = TypeVar("M", bound=Message)
Reader = Callable[[str, Any], Any]
"""Checks the value of a field, whose name is told first, and answers it as it is kept."""

_MAX_NAME = 128
_MAX_TEXT = 1024
_MAX_URI = 2048
_MAX_URIS = 20
_MAX_SCOPES = 50
_MAX_PUSH_APPS = 100
_MAX_REPEATS = 100
_MAX_TOKENS_PER_ACCOUNT = 1000
_TOKENS_PER_ACCOUNT = 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ETAG_BYTES = 8
_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_TOKEN_TYPES = ("JWT", "at+jwt")
# A label of a host name (RFC 1123 section 2.1): clients reach a domain by one.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

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
        name=_read_name("name", message.name),
        type=app_type,
        description=_read_text("description", message.description),
        logo=_read_logo("logo", message.logo),
        redirect_uris=_read_redirect_uris("redirect_uris", message.redirect_uris),
        scopes=_read_scopes("scopes", message.scopes),
        permissions=_read_permissions("permissions", message.permissions),
        push_access_ids=_read_push_apps("push_access_ids", message.push_access_ids),
        key=read_trusted_key(message.public_key_pem) if message.public_key_pem else None,
    )


def read_new_access_key(message: admin_pb2.CreateAccessKeyRequest) -> tuple[str, tuple[str, ...]]:
    """Name and permissions of an access key."""
    return _read_label("name", message.name), _read_permissions("permissions", message.permissions)


def read_push_app_settings(message: admin_pb2.CreatePushAppRequest) -> tuple[str, int]:
    """Name of a push app, and how many tokens an account may have."""
    tokens = message.tokens_per_account or _TOKENS_PER_ACCOUNT
    return _read_name("name", message.name), _read_tokens_per_account("tokens_per_account", tokens)


def read_new_domain(message: domain_pb2.CreateDomainRequest) -> tuple[str, str, str]:
    """Id, name and issuer of a domain; the issuer may be empty."""
    if not _LABEL.fullmatch(message.domain_id):
        raise FieldInvalid("domain_id")
    issuer = message.issuer.rstrip("/")
    if message.issuer and not _is_issuer(issuer):
        raise FieldInvalid("issuer")
    return message.domain_id, _read_label("name", message.name), issuer


def read_request_id(message: Any, caller: Principal) -> RequestId | None:
    """What tells a call that is made again; `None` where it is not to be told from any other."""
    if not message.request_id:
        return None
    try:
        value = UUID(message.request_id)
    except ValueError as error:
        raise FieldInvalid("request_id") from error
    if str(value) != message.request_id.lower():
        raise FieldInvalid("request_id")
    content = type(message)()
    content.CopyFrom(message)
    content.ClearField("request_id")
    digest = hashlib.sha256(f"{message.DESCRIPTOR.full_name}\n{caller.subject}\n".encode())
    digest.update(content.SerializeToString(deterministic=True))
    return RequestId(value, digest.digest())


def read_etag(text: str) -> int | None:
    """The version that an etag shows; `None` where none is meant. Raises `EtagMismatch` for what is no etag."""
    if not text:
        return None
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except ValueError as error:
        raise EtagMismatch(detail="no etag") from error
    if len(raw) != _ETAG_BYTES:
        raise EtagMismatch(detail="no etag")
    return int.from_bytes(raw)


def read_app_changes(request: admin_pb2.UpdateAppRequest) -> dict[str, Any]:
    """New values of an app by field."""
    return _read_changes("app", request.app, request.update_mask, _APP_FIELDS)


def read_access_key_changes(request: admin_pb2.UpdateAccessKeyRequest) -> dict[str, Any]:
    """New values of an access key by field."""
    return _read_changes("access_key", request.access_key, request.update_mask, _ACCESS_KEY_FIELDS)


def read_push_app_changes(request: admin_pb2.UpdatePushAppRequest) -> dict[str, Any]:
    """New values of a push app by field."""
    return _read_changes("push_app", request.push_app, request.update_mask, _PUSH_APP_FIELDS)


def read_domain_changes(request: domain_pb2.UpdateDomainRequest) -> dict[str, Any]:
    """New values of a domain by field."""
    return _read_changes("domain", request.domain, request.update_mask, _DOMAIN_FIELDS)


def read_app_type(value: int) -> AppType | None:
    """A type to list apps of; `None`: of every type."""
    if value and value not in _APP_TYPES:
        raise FieldInvalid("type")
    return _APP_TYPES.get(value)  # type: ignore[call-overload, no-any-return]


class Page:
    """A page that is asked for: which rows, and how the next ones are asked for.

    Args:
        request: has `page_size` and `page_token`.
        query: what is listed: the RPC, the domain, each filter.
        read: reads the last row's id.
        first: comes before any id.
    """

    def __init__(
        self, request: Any, query: tuple[object, ...], read: Callable[[str], Any] = str, first: Any = ""
    ) -> None:
        self._query = query
        self._size = page_size(request.page_size)
        (self.after,) = read_page_token(request.page_token, query, read) or (first,)
        # One more than is shown tells whether there is more.
        self.limit = self._size + 1

    def split(self, rows: Sequence[T], key: Callable[[T], object]) -> tuple[Sequence[T], str]:
        """The rows to show, and the token of the page behind them; empty where that was all."""
        if len(rows) <= self._size:
            return rows, ""
        shown = rows[: self._size]
        return shown, write_page_token(self._query, key(shown[-1]))


def push_app_page(request: admin_pb2.ListPushAppsRequest, domain_id: str) -> Page:
    """A page of push apps, whose ids are numbers."""
    return Page(request, ("ListPushApps", domain_id), bigint, 0)


def write_app(record: AppRecord) -> admin_pb2.App:
    """An app."""
    app = record.app
    message = admin_pb2.App(
        client_id=app.client_id,
        name=record.name,
        type=_APP_TYPE_NAMES[app.type],
        description=record.description,
        logo=record.logo,
        redirect_uris=app.redirect_uris,
        scopes=app.scopes,
        permissions=app.permissions,
        push_access_ids=app.push_access_ids,
        admitted=app.admitted,
        secrets=[nouns_pb2.AppSecret(secret_id=secret_id(digest)) for digest in app.secret_hashes],
        grace_repeats=app.grace_repeats,
        repeat_until_used=app.repeat_until_used,
        token_type=app.token_type,
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
        name=record.name,
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
    fields.etag = base64.urlsafe_b64encode(record.version.to_bytes(_ETAG_BYTES)).rstrip(b"=").decode()
    return message


def _read_changes(noun: str, message: Message, mask: FieldMask, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """New values by field, of those that a mask names and that may be changed (AIP-161, AIP-134).

    An empty mask names what is set, `*` everything. What the service alone sets (AIP-203) may stand there, as it does
    where somebody sends back what he was answered, and is passed over.
    """
    paths = set(mask.paths)
    if not paths:
        paths = {field.name for field, _ in message.ListFields()}
    elif paths == {"*"}:
        paths = set(readers)
    if not paths.issubset(message.DESCRIPTOR.fields_by_name):
        raise FieldInvalid("update_mask")
    # A message field that is absent has no value of its own to read.
    return {name: read(f"{noun}.{name}", _value(message, name)) for name, read in readers.items() if name in paths}


def _value(message: Message, name: str) -> Any:
    field = message.DESCRIPTOR.fields_by_name[name]
    return getattr(message, name) if not field.has_presence or message.HasField(name) else None


def _read_name(field: str, text: str) -> str:
    if not text:
        raise FieldMissing(field)
    return _read_label(field, text)


def _read_label(field: str, text: str) -> str:
    return checked_text(field, text, _MAX_NAME)


def _read_text(field: str, text: str) -> str:
    return checked_text(field, text, _MAX_TEXT)


def _read_logo(field: str, text: str) -> str:
    parts = _split(text) if len(text) <= _MAX_TEXT else None
    if text and (parts is None or parts.scheme != "https"):
        raise FieldInvalid(field)
    return text


def _read_redirect_uris(field: str, uris: Sequence[str]) -> tuple[str, ...]:
    if len(uris) > _MAX_URIS or not all(map(_is_redirect_uri, uris)):
        raise FieldInvalid(field)
    return each_once(uris)


def _read_scopes(field: str, scopes: Sequence[str]) -> tuple[str, ...]:
    if len(scopes) > _MAX_SCOPES or not all(map(SCOPE.fullmatch, scopes)):
        raise FieldInvalid(field)
    return each_once(scopes)


def _read_permissions(_field: str, permissions: Iterable[str]) -> tuple[str, ...]:
    # Which there may be is no question of form: those that the caller holds.
    return each_once(permissions)


def _read_push_apps(field: str, access_ids: Sequence[int]) -> tuple[int, ...]:
    if len(access_ids) > _MAX_PUSH_APPS:
        raise FieldInvalid(field)
    return each_once(access_ids)


def _read_tokens_per_account(field: str, number: int) -> int:
    if not 1 <= number <= _MAX_TOKENS_PER_ACCOUNT:
        raise FieldInvalid(field)
    return number


def _read_repeats(field: str, number: int) -> int:
    if not 0 <= number <= _MAX_REPEATS:
        raise FieldInvalid(field)
    return number


def _read_limit(field: str, number: int) -> int | None:
    if number < 0:
        raise FieldInvalid(field)
    return number or None


def _read_flag(_field: str, flag: Any) -> bool:
    return bool(flag)


def _one_of(values: tuple[str, ...]) -> Reader:
    def read(field: str, text: str) -> str:
        if text not in values:
            raise FieldInvalid(field)
        return text

    return read


def _between(shortest: timedelta, longest: timedelta) -> Reader:
    def read(field: str, message: Duration | None) -> timedelta:
        if message is None:
            raise FieldMissing(field)
        if message.nanos or not shortest.total_seconds() <= message.seconds <= longest.total_seconds():
            raise FieldInvalid(field)
        return timedelta(seconds=message.seconds)

    return read


def _or_absent(reader: Reader) -> Reader:
    def read(field: str, message: Duration | None) -> timedelta | None:
        return None if message is None else reader(field, message)

    return read


_APP_FIELDS: Mapping[str, Reader] = {
    "name": _read_name,
    "description": _read_text,
    "logo": _read_logo,
    "redirect_uris": _read_redirect_uris,
    "scopes": _read_scopes,
    "permissions": _read_permissions,
    "push_access_ids": _read_push_apps,
    "grace": _between(timedelta(), _HOUR),
    "grace_repeats": _read_repeats,
    "repeat_until_used": _read_flag,
    "session_idle": _or_absent(_between(_MINUTE, 180 * _DAY)),
    "session_lifetime": _or_absent(_between(_MINUTE, 180 * _DAY)),
    "token_type": _one_of(_TOKEN_TYPES),
}
_ACCESS_KEY_FIELDS: Mapping[str, Reader] = {
    "name": _read_label,
    "permissions": _read_permissions,
    "enabled": _read_flag,
}
_PUSH_APP_FIELDS: Mapping[str, Reader] = {
    "name": _read_name,
    "tokens_per_account": _read_tokens_per_account,
    "append_enabled": _read_flag,
    "enabled": _read_flag,
}
_DOMAIN_FIELDS: Mapping[str, Reader] = {
    "name": _read_label,
    "scopes": _read_scopes,
    "impersonate_superadmins": _read_flag,
    "algorithm": _one_of(_ALGORITHMS),
    "rotation_period": _between(_HOUR, 360 * _DAY),
    "audit_retention": _between(_DAY, 360 * _DAY),
    "grants_per_second": _read_limit,
    "max_users": _read_limit,
    "max_apps": _read_limit,
}


def _split(uri: str) -> SplitResult | None:
    """Parts of a URI that is read one way alone; `None` of any other."""
    if len(uri) > _MAX_URI or not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri:
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.hostname, parts.port  # raise where there is none
    except ValueError:
        return None
    # Browsers and libraries disagree on whose host stands in these.
    return None if "\\" in uri or "@" in parts.netloc else parts


def _is_redirect_uri(uri: str) -> bool:
    """Absolute, no fragment (RFC 6749 section 3.1.2); https, loopback, or a private-use scheme (RFC 8252 section 7)."""
    parts = _split(uri)
    if parts is None:
        return False
    if parts.scheme in ("https", "http"):
        return _is_web(parts)
    # A scheme of one's own is a domain name turned round; `javascript:` and `data:` are not.
    return "." in parts.scheme


def _is_issuer(url: str) -> bool:
    """A base URL (RFC 8414 section 2), with a host as everybody spells it."""
    parts = _split(url)
    return parts is not None and _is_web(parts) and not parts.query and "?" not in url and parts.netloc.islower()


def _is_web(parts: SplitResult) -> bool:
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )
