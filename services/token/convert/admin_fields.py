"""What each field may be that operators set, and which of them a change is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from google.protobuf.duration_pb2 import Duration

from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.masks import Reader
from services.runtime.validation import checked_name, checked_text
from services.token.convert.fields import MAX_NAME, MAX_SCOPES, MAX_URI, each_once
from services.token.model import SCOPE, is_on_the_web

_MAX_TEXT = 1024
_MAX_URIS = 20
_MAX_PUSH_APPS = 100
_MAX_REPEATS = 100
_MAX_LIMITS = 20
_MAX_TOKENS_PER_ACCOUNT = 1000
_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_TOKEN_TYPES = ("JWT", "at+jwt")
# A label of a host name (RFC 1123 section 2.1): clients reach a domain by one.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# As the gateway's routes are written.
_PATH = re.compile(r"(/[A-Za-z0-9._-]{1,64}){1,8}/?|/")
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def read_name(field: str, text: str) -> str:
    """A name that people are shown. Raises `FieldMissing`, `FieldInvalid`."""
    if not text:
        raise FieldMissing(field)
    return read_label(field, text)


def read_label(field: str, text: str) -> str:
    """A name that operators are shown; may be empty. Raises `FieldInvalid`."""
    return checked_name(field, text, MAX_NAME)


def read_text(field: str, text: str) -> str:
    """A description. Raises `FieldInvalid`."""
    return checked_text(field, text, _MAX_TEXT)


def read_logo(field: str, text: str) -> str:
    """URL of a picture; may be empty. Raises `FieldInvalid`."""
    parts = _split(text) if len(text) <= _MAX_TEXT else None
    if text and (parts is None or parts.scheme != "https"):
        raise FieldInvalid(field)
    return text


def read_redirect_uris(field: str, uris: Sequence[str]) -> tuple[str, ...]:
    """Redirect URIs, each once. Raises `FieldInvalid`."""
    if len(uris) > _MAX_URIS or not all(map(_is_redirect_uri, uris)):
        raise FieldInvalid(field)
    return each_once(uris)


def read_scopes(field: str, scopes: Sequence[str]) -> tuple[str, ...]:
    """Scopes, each once. Raises `FieldInvalid`."""
    if len(scopes) > MAX_SCOPES or not all(map(SCOPE.fullmatch, scopes)):
        raise FieldInvalid(field)
    return each_once(scopes)


def read_permissions(_field: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """Permissions, each once. Which there may be is no question of form: those that the caller holds."""
    return each_once(permissions)


def read_push_apps(field: str, access_ids: Sequence[int]) -> tuple[int, ...]:
    """Ids of push apps, each once. Raises `FieldInvalid`."""
    if len(access_ids) > _MAX_PUSH_APPS:
        raise FieldInvalid(field)
    return each_once(access_ids)


def read_paths(field: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Paths of requests, each once. Raises `FieldInvalid`."""
    if len(paths) > _MAX_LIMITS or not all(map(_PATH.fullmatch, paths)):
        raise FieldInvalid(field)
    return each_once(paths)


def read_networks(field: str, networks: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks in CIDR notation, each once. Raises `FieldInvalid`, also for one with bits behind its prefix."""
    if len(networks) > _MAX_LIMITS:
        raise FieldInvalid(field)
    try:
        return each_once([ip_network(network) for network in networks])
    except ValueError as error:
        raise FieldInvalid(field) from error


def read_tokens_per_account(field: str, number: int) -> int:
    """How many tokens an account may have bound. Raises `FieldInvalid`."""
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


APP_FIELDS: Mapping[str, Reader] = {
    "name": read_name,
    "description": read_text,
    "logo": read_logo,
    "redirect_uris": read_redirect_uris,
    "scopes": read_scopes,
    "permissions": read_permissions,
    "push_access_ids": read_push_apps,
    "grace": _between(timedelta(), _HOUR),
    "grace_repeats": _read_repeats,
    "repeat_until_used": _read_flag,
    "session_idle": _or_absent(_between(_MINUTE, 180 * _DAY)),
    "session_lifetime": _or_absent(_between(_MINUTE, 180 * _DAY)),
    "token_type": _one_of(_TOKEN_TYPES),
    "skip_consent": _read_flag,
    "device_flow": _read_flag,
}
ACCESS_KEY_FIELDS: Mapping[str, Reader] = {
    "name": read_label,
    "permissions": read_permissions,
    "enabled": _read_flag,
    "paths": read_paths,
    "networks": read_networks,
    "refuse_acs": _read_flag,
}
PUSH_APP_FIELDS: Mapping[str, Reader] = {
    "name": read_name,
    "tokens_per_account": read_tokens_per_account,
    "append_enabled": _read_flag,
    "enabled": _read_flag,
}
DOMAIN_FIELDS: Mapping[str, Reader] = {
    "name": read_label,
    "scopes": read_scopes,
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
    if len(uri) > MAX_URI or not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri:
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
        return is_on_the_web(parts)
    # A scheme of one's own is a domain name turned round; `javascript:` and `data:` are not.
    return "." in parts.scheme


def _is_issuer(url: str) -> bool:
    """A base URL (RFC 8414 section 2), with a host as everybody spells it."""
    parts = _split(url)
    return parts is not None and is_on_the_web(parts) and not parts.query and "?" not in url and parts.netloc.islower()


def read_new_domain_id(field: str, text: str) -> str:
    """Id of a domain to be made. Raises `FieldInvalid`."""
    if not _LABEL.fullmatch(text):
        raise FieldInvalid(field)
    return text


def read_issuer(field: str, text: str) -> str:
    """Base URL of a domain; may be empty. Raises `FieldInvalid`."""
    url = text.rstrip("/")
    if text and not _is_issuer(url):
        raise FieldInvalid(field)
    return url
