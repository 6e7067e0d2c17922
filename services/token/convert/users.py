"""Messages of UserService to model and back, and their rules of the wire."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tessera.token.v1 import user_service_pb2

from services.runtime.auth import ROLES
from services.runtime.errors import FieldInvalid
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.runtime.validation import checked_text, checked_user_id
from services.token.convert.fields import MAX_NAME
from services.token.model import NewUser, Profile, UserChange

_MAX_AVATAR = 1024
_MAX_DESCRIPTION = 1024
_MAX_DRIVE = 64
_MAX_USER_DATA = 1024
_MAX_ETAG = 64
_USERS = 100
_MAX_CHECKED = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TEXTS = {
    "user_name": MAX_NAME,
    "nick_name": MAX_NAME,
    "avatar": _MAX_AVATAR,
    "description": _MAX_DESCRIPTION,
    "default_drive_id": _MAX_DRIVE,
}


def read_new_user(message: user_service_pb2.CreateUserRequest) -> NewUser:
    """What a user is to be."""
    return NewUser(
        user_id=checked_user_id(message.user_id) if message.user_id else "",
        role=_checked_role(message.role or "user"),
        status=_checked_status(message.status or "enabled"),
        user_data=_checked_user_data(message.user_data),
        **{name: checked_text(name, getattr(message, name), longest) for name, longest in _TEXTS.items()},
    )


def checked_user_ids(user_ids: Sequence[str]) -> Sequence[str]:
    """Ids that are asked for. One that no user could have is unknown, and no reason to refuse the others.

    Raises:
        FieldInvalid: there are more than 1,000, or one that is too long or holds a control character.
    """
    if len(user_ids) > _MAX_CHECKED:
        raise FieldInvalid("user_ids")
    return [checked_text("user_ids", user_id, MAX_NAME) for user_id in user_ids]


def read_user_change(message: user_service_pb2.UpdateUserRequest) -> UserChange:
    """What of a user is to be another."""
    if message.user_data and message.clear_user_data:
        raise FieldInvalid("clear_user_data")
    texts = {
        field.name: checked_text(field.name, value, _TEXTS[field.name])
        for field, value in message.ListFields()
        if field.name in _TEXTS
    }
    return UserChange(
        role=_checked_role(message.role) if message.HasField("role") else None,
        status=_checked_status(message.status) if message.HasField("status") else None,
        user_data=_checked_user_data(message.user_data) if message.user_data or message.clear_user_data else None,
        **texts,
    )


def checked_etag(text: str) -> str:
    """An etag, or none. Raises `FieldInvalid`."""
    return checked_text("etag", text, _MAX_ETAG)


def read_users_page(message: user_service_pb2.ListUsersRequest, domain_id: str) -> tuple[str, int]:
    """The user after whom a page of a domain begins, empty: with the first; and how many it has."""
    if message.limit < 0:
        raise FieldInvalid("limit")
    try:
        key = read_page_token(message.marker, _users(domain_id), str)
    except FieldInvalid as error:
        raise FieldInvalid("marker") from error
    return (key[0] if key else ""), page_size(message.limit, default=_USERS, most=_USERS)


def write_users_page(
    profiles: list[Profile], following: str | None, domain_id: str
) -> user_service_pb2.ListUsersResponse:
    """A page of users; `following`: the last of them, where there are more."""
    marker = write_page_token(_users(domain_id), following) if following else ""
    return user_service_pb2.ListUsersResponse(items=map(write_profile, profiles), next_marker=marker)


def write_profile(profile: Profile) -> user_service_pb2.User:
    """The vendor's User."""
    return user_service_pb2.User(
        user_id=profile.user_id,
        user_name=profile.user_name,
        nick_name=profile.nick_name,
        avatar=profile.avatar,
        role=profile.role,
        status=profile.status,
        description=profile.description,
        default_drive_id=profile.default_drive_id,
        creator=profile.creator,
        domain_id=profile.domain_id,
        created_at=_milliseconds(profile.created_at),
        updated_at=_milliseconds(profile.updated_at or profile.created_at),
        user_data=profile.user_data,
        etag=profile.etag,
    )


def _checked_role(text: str) -> str:
    if text not in ROLES:
        raise FieldInvalid("role")
    return text


def _checked_status(text: str) -> str:
    if text not in ("enabled", "disabled"):
        raise FieldInvalid("status")
    return text


def _checked_user_data(given: Mapping[str, str]) -> Mapping[str, str]:
    """Texts by name, as the vendor bounds them. Postgres keeps no NUL."""
    user_data = dict(sorted(given.items()))
    text = json.dumps(user_data, ensure_ascii=False, separators=(",", ":"))
    if len(text) > _MAX_USER_DATA or "\\u0000" in text:
        raise FieldInvalid("user_data")
    return user_data


def _users(domain_id: str) -> tuple[object, ...]:
    return "ListUsers", domain_id


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
