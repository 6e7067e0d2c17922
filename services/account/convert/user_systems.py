"""Messages of user systems to model and back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tessera.account.v1 import user_system_pb2, user_system_service_pb2

from services.account.convert import user_system_settings
from services.account.convert.fields import read_call
from services.account.model.user_systems import CODED, SETTINGS, CustomSettings, LdapSettings, UserSystem
from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.masks import Reader, read_changes
from services.runtime.validation import checked_text

_MAX_NAME = 64
_MAX_SECRET = 4096
# Without it, the vendor tells us nothing of anybody.
_SECRET_NEEDED = ("ding", "ram", "wechat")


def read_new_user_system(message: user_system_pb2.UserSystem, domain_id: str, user_system_id: str) -> UserSystem:
    """What a user system is to be. Raises `FieldMissing`, `FieldInvalid`."""
    type_ = message.WhichOneof("settings")
    if type_ is None:
        raise FieldMissing("user_system.settings")
    settings = user_system_settings.read_settings(type_, getattr(message, type_))
    enabled = message.enabled if message.HasField("enabled") else None
    return checked_user_system(
        UserSystem(
            domain_id=domain_id,
            user_system_id=user_system_id,
            settings=settings,
            display_name=_read_name("user_system.display_name", message.display_name),
            enabled=_read_enabled("user_system.enabled", enabled),
            link_only=message.link_only,
            private_addresses=message.private_addresses,
            secret=_read_secret("user_system.secret", message.secret),
            has_secret=bool(message.secret),
        )
    )


def read_user_system_call(request: user_system_service_pb2.CreateUserSystemRequest, caller: Principal) -> bytes | None:
    """What tells a call that is made again, as `read_call`; nothing of its secret, which could be guessed by that."""
    shown = user_system_service_pb2.CreateUserSystemRequest()
    shown.CopyFrom(request)
    shown.user_system.ClearField("secret")
    return read_call(shown, caller)


def read_user_system_changes(request: user_system_service_pb2.UpdateUserSystemRequest) -> dict[str, Any]:
    """New values of a user system by field. Raises `FieldMissing`, `FieldInvalid`."""
    message, mask = request.user_system, request.update_mask
    if not message.user_system_id:
        raise FieldMissing("user_system.user_system_id")
    type_ = message.WhichOneof("settings")
    everything = list(mask.paths) == ["*"]
    if everything and type_ is None:
        raise FieldMissing("user_system.settings")
    if absent := sorted(set(mask.paths) & SETTINGS.keys() - {type_}):
        raise FieldMissing(f"user_system.{absent[0]}")
    readers: dict[str, Reader] = dict(_READERS)
    if everything and not message.secret:
        # Nobody can send back what he was never told.
        del readers["secret"]
    if type_:
        readers[type_] = _settings_reader(type_)
    changes = read_changes("user_system", message, mask, readers)
    if type_ in changes:
        changes["settings"] = changes.pop(type_)
    if "secret" in changes:
        changes["has_secret"] = bool(changes["secret"])
    return changes


def checked_user_system(system: UserSystem) -> UserSystem:
    """A user system whose fields go together. Raises `FieldMissing`, `FieldInvalid`."""
    settings = system.settings
    if isinstance(settings, CustomSettings):
        schemes = ("https", "http") if system.private_addresses else ("https",)
        if urlsplit(settings.issuer).scheme not in schemes:
            raise FieldInvalid("user_system.custom.issuer")
    if system.has_secret and (system.type in CODED or (isinstance(settings, LdapSettings) and not settings.bind_dn)):
        raise FieldInvalid("user_system.secret", "There is nobody to tell a secret to.")
    # A bind by name without a password is one as nobody in particular (RFC 4513 section 5.1.2).
    needed = system.type in _SECRET_NEEDED or (isinstance(settings, LdapSettings) and bool(settings.bind_dn))
    if needed and not system.has_secret:
        raise FieldMissing("user_system.secret")
    return system


def write_user_system(system: UserSystem) -> user_system_pb2.UserSystem:
    """A user system, but for its secret."""
    message = user_system_pb2.UserSystem(
        user_system_id=system.user_system_id,
        display_name=system.display_name,
        enabled=system.enabled,
        link_only=system.link_only,
        private_addresses=system.private_addresses,
        has_secret=system.has_secret,
        etag=etags.write_etag(system.version),
        **user_system_settings.write_settings(system.settings),
    )
    if system.created_at:
        message.create_time.FromDatetime(system.created_at)
    if system.updated_at:
        message.update_time.FromDatetime(system.updated_at)
    return message


def _settings_reader(type_: str) -> Reader:
    return lambda _field, message: user_system_settings.read_settings(type_, message)


def _read_name(field: str, text: str) -> str:
    return checked_text(field, text, _MAX_NAME)


def _read_enabled(_field: str, flag: bool | None) -> bool:  # noqa: FBT001 a reader's form
    return flag is not False


def _read_flag(_field: str, flag: Any) -> bool:
    return bool(flag)


def _read_secret(field: str, text: str) -> str:
    return checked_text(field, text, _MAX_SECRET)


_READERS: Mapping[str, Reader] = {
    "display_name": _read_name,
    "enabled": _read_enabled,
    "link_only": _read_flag,
    "private_addresses": _read_flag,
    "secret": _read_secret,
}
