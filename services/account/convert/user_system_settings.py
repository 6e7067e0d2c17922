"""Settings of each type of user system to model and back."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from tessera.account.v1 import user_system_pb2

from services.account.convert.fields import read_url
from services.account.model import ALGORITHMS
from services.account.model.user_systems import (
    CustomSettings,
    DingSettings,
    EmailSettings,
    LdapSettings,
    MobileSettings,
    RamSettings,
    UserSystemSettings,
    WechatSettings,
)
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.validation import checked_text

_MAX_CLIENT_ID = 255
_MAX_LISTED = 100
# Of an identity's 255 characters, 64 stay for the user.
_MAX_ISSUER = 190
_MAX_SCOPES = 20
_MAX_LDAP_URL = 255
_MAX_DN = 512
_MAX_FILTER = 1024
_MAX_PEM = 64 * 1024

# What is left out is as it stands here.
_LDAP, _CUSTOM = LdapSettings(url="", base_dn=""), CustomSettings(issuer="", client_id="")

# No colon, which ends it in an identity.
_CORPORATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;-]{0,63}")
# RFC 6749 section 3.3.
_SCOPE = re.compile(r"[!#-\[\]-~]{1,64}")


def read_settings(type_: str, message: Any) -> UserSystemSettings:
    """Settings of a type. Raises `FieldMissing`, `FieldInvalid`."""
    return _READERS[type_](f"user_system.{type_}", message)


def write_settings(settings: UserSystemSettings) -> dict[str, Any]:
    """The settings by the name of their field."""
    message = _MESSAGES[settings.type]
    return {settings.type: message(**{name: getattr(settings, name) for name in message.DESCRIPTOR.fields_by_name})}


def _read_mobile(_place: str, _message: user_system_pb2.MobileSettings) -> MobileSettings:
    return MobileSettings()


def _read_email(_place: str, _message: user_system_pb2.EmailSettings) -> EmailSettings:
    return EmailSettings()


def _read_ding(place: str, message: user_system_pb2.DingSettings) -> DingSettings:
    if not message.corp_ids and not message.any_corp:
        raise FieldMissing(f"{place}.corp_ids")
    return DingSettings(
        client_id=_needed(f"{place}.client_id", message.client_id, _MAX_CLIENT_ID),
        corp_ids=_listed(f"{place}.corp_ids", message.corp_ids, _CORPORATION),
        any_corp=message.any_corp,
    )


def _read_ram(place: str, message: user_system_pb2.RamSettings) -> RamSettings:
    if not message.account_ids:
        raise FieldMissing(f"{place}.account_ids")
    return RamSettings(
        client_id=_needed(f"{place}.client_id", message.client_id, _MAX_CLIENT_ID),
        account_ids=_listed(f"{place}.account_ids", message.account_ids, _DIGITS),
        root=message.root,
        international=message.international,
    )


def _read_wechat(place: str, message: user_system_pb2.WechatSettings) -> WechatSettings:
    return WechatSettings(
        corp_id=_matching(f"{place}.corp_id", message.corp_id, _CORPORATION),
        agent_id=_matching(f"{place}.agent_id", message.agent_id, _DIGITS),
    )


def _read_ldap(place: str, message: user_system_pb2.LdapSettings) -> LdapSettings:
    return LdapSettings(
        url=_read_ldap_url(f"{place}.url", message.url),
        base_dn=_needed(f"{place}.base_dn", message.base_dn, _MAX_DN),
        bind_dn=checked_text(f"{place}.bind_dn", message.bind_dn, _MAX_DN),
        filter=_read_filter(f"{place}.filter", message.filter or _LDAP.filter),
        identity_attribute=_matching(
            f"{place}.identity_attribute", message.identity_attribute or _LDAP.identity_attribute, _ATTRIBUTE
        ),
        name_attribute=_matching(f"{place}.name_attribute", message.name_attribute or _LDAP.name_attribute, _ATTRIBUTE),
        ca_pem=_read_certificates(f"{place}.ca_pem", message.ca_pem),
    )


def _read_custom(place: str, message: user_system_pb2.CustomSettings) -> CustomSettings:
    return CustomSettings(
        issuer=_read_issuer(f"{place}.issuer", message.issuer),
        client_id=_needed(f"{place}.client_id", message.client_id, _MAX_CLIENT_ID),
        scopes=tuple(
            scope for scope in _listed(f"{place}.scopes", message.scopes, _SCOPE, _MAX_SCOPES) if scope != "openid"
        ),
        algorithms=_read_algorithms(f"{place}.algorithms", message.algorithms),
    )


def _needed(field: str, text: str, longest: int) -> str:
    if not text:
        raise FieldMissing(field)
    return checked_text(field, text, longest)


def _matching(field: str, text: str, pattern: re.Pattern[str]) -> str:
    if not text:
        raise FieldMissing(field)
    if not pattern.fullmatch(text):
        raise FieldInvalid(field)
    return text


def _listed(field: str, texts: Sequence[str], pattern: re.Pattern[str], most: int = _MAX_LISTED) -> tuple[str, ...]:
    if len(texts) > most or not all(map(pattern.fullmatch, texts)):
        raise FieldInvalid(field)
    return tuple(dict.fromkeys(texts))


def _read_issuer(field: str, text: str) -> str:
    if not text:
        raise FieldMissing(field)
    # A bar ends the issuer in an identity.
    if set("?|") & set(text):
        raise FieldInvalid(field)
    return read_url(field, text, longest=_MAX_ISSUER)


def _read_algorithms(field: str, algorithms: Sequence[str]) -> tuple[str, ...]:
    if not set(algorithms) <= set(ALGORITHMS):
        raise FieldInvalid(field)
    return tuple(dict.fromkeys(algorithms)) or _CUSTOM.algorithms


def _read_ldap_url(field: str, text: str) -> str:
    if not text:
        raise FieldMissing(field)
    read_url(field, text, ("ldaps", "ldap"), _MAX_LDAP_URL)
    # RFC 4516 has it say what is looked for, too; that stands in fields of its own.
    if urlsplit(text).path not in ("", "/") or "?" in text:
        raise FieldInvalid(field)
    return text


def _read_filter(field: str, text: str) -> str:
    checked_text(field, text, _MAX_FILTER)
    if "{name}" not in text or not (text.startswith("(") and text.endswith(")")) or text.count("(") != text.count(")"):
        raise FieldInvalid(field, "The filter must stand in parentheses, and hold {name}.")
    return text


def _read_certificates(field: str, text: str) -> str:
    if len(text) > _MAX_PEM:
        raise FieldInvalid(field)
    if text:
        try:
            x509.load_pem_x509_certificates(text.encode())
        except ValueError as error:
            raise FieldInvalid(field) from error
    return text


_READERS: Mapping[str, Callable[[str, Any], UserSystemSettings]] = {
    "mobile": _read_mobile,
    "email": _read_email,
    "ding": _read_ding,
    "ram": _read_ram,
    "wechat": _read_wechat,
    "ldap": _read_ldap,
    "custom": _read_custom,
}
_MESSAGES: Mapping[str, Any] = {
    "mobile": user_system_pb2.MobileSettings,
    "email": user_system_pb2.EmailSettings,
    "ding": user_system_pb2.DingSettings,
    "ram": user_system_pb2.RamSettings,
    "wechat": user_system_pb2.WechatSettings,
    "ldap": user_system_pb2.LdapSettings,
    "custom": user_system_pb2.CustomSettings,
}
