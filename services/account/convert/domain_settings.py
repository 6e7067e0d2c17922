"""Messages of a domain's settings to model and back."""

import re
from collections.abc import Mapping
from typing import Any

from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2

from services.account.convert.fields import read_url
from services.account.model.domain_settings import DomainSettings, FirstLogon, LogonPage, contrast_with_white
from services.runtime import etags
from services.runtime.errors import FieldInvalid
from services.runtime.masks import Reader, read_changes
from services.runtime.validation import checked_text

_MAX_CODES_PER_HOUR = 100_000
_MAX_NAME = 64
_COLOR = re.compile(r"#[0-9a-f]{6}")
_READABLE = 4.5

_FIRST_LOGONS = {
    settings_pb2.FIRST_LOGON_CREATE: FirstLogon.CREATE,
    settings_pb2.FIRST_LOGON_LINK_OR_CREATE: FirstLogon.LINK_OR_CREATE,
    settings_pb2.FIRST_LOGON_LINK: FirstLogon.LINK,
    settings_pb2.FIRST_LOGON_REFUSE: FirstLogon.REFUSE,
}
_NUMBERS = {kind: number for number, kind in _FIRST_LOGONS.items()}


def read_setting_changes(request: settings_pb2.UpdateDomainSettingsRequest) -> dict[str, Any]:
    """New values by field, of those that the mask names (AIP-134). Raises `FieldInvalid`."""
    return read_changes("settings", request.settings, request.update_mask, _READERS)


def write_settings(settings: DomainSettings) -> settings_pb2.DomainSettings:
    """Settings, with the etag of their version."""
    page = settings.page
    message = settings_pb2.DomainSettings(
        keep_last_identity=settings.keep_last_identity,
        codes_per_hour=settings.codes_per_hour,
        etag=etags.write_etag(settings.version),
        first_logon=_NUMBERS[settings.first_logon],
    )
    if page != LogonPage():
        message.page.CopyFrom(
            settings_pb2.LogonPage(
                display_name=page.display_name, logo_url=page.logo_url, accent_color=page.accent_color
            )
        )
    if settings.updated_at:
        message.update_time.FromDatetime(settings.updated_at)
    return message


def _read_flag(_field: str, flag: Any) -> bool:
    return bool(flag)


def _read_codes_per_hour(field: str, number: int) -> int:
    if not 1 <= number <= _MAX_CODES_PER_HOUR:
        raise FieldInvalid(field)
    return number


def _read_first_logon(field: str, number: Any) -> FirstLogon:
    if not number:
        return FirstLogon.CREATE
    # A number of a later version.
    if number not in _FIRST_LOGONS:
        raise FieldInvalid(field)
    return _FIRST_LOGONS[number]


def _read_page(field: str, message: settings_pb2.LogonPage | None) -> LogonPage:
    if message is None:
        return LogonPage()
    return LogonPage(
        display_name=checked_text(f"{field}.display_name", message.display_name, _MAX_NAME),
        logo_url=read_url(f"{field}.logo_url", message.logo_url, ("https",)),
        accent_color=_read_color(f"{field}.accent_color", message.accent_color.lower()),
    )


def _read_color(field: str, text: str) -> str:
    if text and not _COLOR.fullmatch(text):
        raise FieldInvalid(field)
    if text and contrast_with_white(text) < _READABLE:
        raise FieldInvalid(field, f"White text cannot be read on {text}: take a darker colour.")
    return text


_READERS: Mapping[str, Reader] = {
    "keep_last_identity": _read_flag,
    "codes_per_hour": _read_codes_per_hour,
    "first_logon": _read_first_logon,
    "page": _read_page,
}
