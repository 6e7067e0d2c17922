"""Messages of a domain's settings to model and back."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2

from services.account.errors import ChangedMeanwhile
from services.account.model.domain_settings import DomainSettings
from services.runtime.errors import FieldInvalid

_MAX_CODES_PER_HOUR = 100_000
_ETAG_BYTES = 8


def _read_codes_per_hour(number: int) -> int:
    if not 1 <= number <= _MAX_CODES_PER_HOUR:
        raise FieldInvalid("settings.codes_per_hour")
    return number


_READERS: Mapping[str, Callable[[Any], Any]] = {"keep_last_identity": bool, "codes_per_hour": _read_codes_per_hour}


def read_changes(request: settings_pb2.UpdateDomainSettingsRequest) -> dict[str, Any]:
    """New values by field, of those that the mask names (AIP-134). Raises `FieldInvalid`."""
    paths = set(request.update_mask.paths)
    if not paths:
        paths = {field.name for field, _ in request.settings.ListFields()}
    elif paths == {"*"}:
        paths = set(_READERS)
    if not paths.issubset(request.settings.DESCRIPTOR.fields_by_name):
        raise FieldInvalid("update_mask")
    return {name: read(getattr(request.settings, name)) for name, read in _READERS.items() if name in paths}


def read_etag(text: str) -> int | None:
    """The version that an etag shows; `None` where none is meant. Raises `ChangedMeanwhile` for what is no etag."""
    if not text:
        return None
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except ValueError as error:
        raise ChangedMeanwhile(detail="no etag") from error
    if len(raw) != _ETAG_BYTES:
        raise ChangedMeanwhile(detail="no etag")
    return int.from_bytes(raw)


def write_settings(settings: DomainSettings) -> settings_pb2.DomainSettings:
    """Settings, with the etag of their version."""
    message = settings_pb2.DomainSettings(
        keep_last_identity=settings.keep_last_identity,
        codes_per_hour=settings.codes_per_hour,
        etag=base64.urlsafe_b64encode(settings.version.to_bytes(_ETAG_BYTES)).rstrip(b"=").decode(),
    )
    if settings.updated_at:
        message.update_time.FromDatetime(settings.updated_at)
    return message
