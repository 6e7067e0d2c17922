"""Messages of projects and providers to model and back."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tessera.account.v1 import account_admin_pb2, account_admin_service_pb2

from services.account.convert.fields import read_url
from services.account.model import ALGORITHMS, PROVIDER_NAME, Project, Provider
from services.account.providers.jwks import JwksError, parse_jwks
from services.runtime import etags
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.masks import Reader, read_changes
from services.runtime.validation import checked_text

_PROJECT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_NAME = 128
_MAX_AUDIENCES = 20
_MAX_AUDIENCE = 255
_MAX_JWKS = 32 * 1024


def checked_project_id(text: str, field: str = "project_id") -> str:
    """A project id, or empty. Raises `FieldInvalid`."""
    if text and not _PROJECT_ID.fullmatch(text):
        raise FieldInvalid(field)
    return text


def read_project_name(field: str, text: str) -> str:
    """A name that people are shown. Raises `FieldMissing`, `FieldInvalid`."""
    if not text:
        raise FieldMissing(field)
    return checked_text(field, text, _MAX_NAME)


def read_project_changes(request: account_admin_service_pb2.UpdateProjectRequest) -> dict[str, Any]:
    """New values of a project by field."""
    return read_changes("project", request.project, request.update_mask, {"name": read_project_name})


def write_project(project: Project) -> account_admin_pb2.Project:
    """A project."""
    message = account_admin_pb2.Project(
        project_id=project.project_id, name=project.name, etag=etags.write_etag(project.version)
    )
    _write_times(message, project.created_at, project.updated_at)
    return message


def read_new_provider(message: account_admin_pb2.Provider, domain_id: str, now: datetime) -> Provider:
    """What a provider is to be. Raises `FieldMissing`, `FieldInvalid`."""
    for name in ("project_id", "idp"):
        if not getattr(message, name):
            raise FieldMissing(f"provider.{name}")
    if not PROVIDER_NAME.fullmatch(message.idp):
        raise FieldInvalid("provider.idp")
    values = {name: read(f"provider.{name}", getattr(message, name)) for name, read in _PROVIDER_FIELDS.items()}
    project_id = checked_project_id(message.project_id, "provider.project_id")
    return checked_provider(Provider(domain_id, project_id, message.idp, created_at=now, **values))


def read_provider_changes(request: account_admin_service_pb2.UpdateProviderRequest) -> dict[str, Any]:
    """New values of a provider by field."""
    for name in ("project_id", "idp"):
        if not getattr(request.provider, name):
            raise FieldMissing(f"provider.{name}")
    return read_changes("provider", request.provider, request.update_mask, _PROVIDER_FIELDS)


def checked_provider(provider: Provider) -> Provider:
    """A provider whose fields go together. Raises `FieldInvalid`."""
    if provider.jwks and provider.jwks_uri:
        raise FieldInvalid("provider.jwks_uri", "Keys are given or fetched, not both.")
    schemes = ("https", "http") if provider.private_addresses else ("https",)
    for name in ("issuer", "jwks_uri"):
        url = getattr(provider, name)
        if url and urlsplit(url).scheme not in schemes:
            raise FieldInvalid(f"provider.{name}")
    return provider


def write_provider(provider: Provider) -> account_admin_pb2.Provider:
    """A provider."""
    message = account_admin_pb2.Provider(
        project_id=provider.project_id,
        idp=provider.idp,
        issuer=provider.issuer,
        audiences=provider.audiences,
        algorithms=provider.algorithms,
        jwks=provider.jwks,
        jwks_uri=provider.jwks_uri,
        private_addresses=provider.private_addresses,
        takes_links=provider.takes_links,
        etag=etags.write_etag(provider.version),
    )
    _write_times(message, provider.created_at, provider.updated_at)
    return message


def _write_times(message: Any, created_at: datetime, updated_at: datetime | None) -> None:
    message.create_time.FromDatetime(created_at)
    if updated_at:
        message.update_time.FromDatetime(updated_at)


def _read_issuer(field: str, text: str) -> str:
    if not text:
        raise FieldMissing(field)
    if "?" in text:
        raise FieldInvalid(field)
    return read_url(field, text)


def _read_audiences(field: str, audiences: Sequence[str]) -> tuple[str, ...]:
    if not audiences:
        raise FieldMissing(field)
    if len(audiences) > _MAX_AUDIENCES or not all(audiences):
        raise FieldInvalid(field)
    return tuple(dict.fromkeys(checked_text(field, each, _MAX_AUDIENCE) for each in audiences))


def _read_algorithms(field: str, algorithms: Sequence[str]) -> tuple[str, ...]:
    if not set(algorithms) <= set(ALGORITHMS):
        raise FieldInvalid(field)
    return tuple(dict.fromkeys(algorithms)) or ALGORITHMS


def _read_jwks(field: str, text: str) -> str:
    if len(text) > _MAX_JWKS:
        raise FieldInvalid(field)
    if text:
        try:
            parse_jwks(text)
        except JwksError as error:
            message = "The input parameter jwks must be a JWK Set with an RSA, P-256 or Ed25519 key for signatures."
            raise FieldInvalid(field, message) from error
    return text


def _read_flag(_field: str, flag: Any) -> bool:
    return bool(flag)


_PROVIDER_FIELDS: Mapping[str, Reader] = {
    "issuer": _read_issuer,
    "audiences": _read_audiences,
    "algorithms": _read_algorithms,
    "jwks": _read_jwks,
    "jwks_uri": read_url,
    "private_addresses": _read_flag,
    "takes_links": _read_flag,
}
