"""Users, as minting, their administrators and they themselves see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.token.model.audit import Proof

UserEventKind = Literal["created", "updated", "deleted"]
"""What became of a user."""


@dataclass(frozen=True, slots=True)
class User:
    """What minting asks of a user. Sessions in which it acts for others and which began until `acts_since` are over.

    Browsers in which it was proven until `logged_off_at` are logged on no more.
    """

    user_id: str
    role: str
    status: str
    acts_since: datetime | None = None
    logged_off_at: datetime | None = None

    def is_logged_off(self, authenticated_at: datetime) -> bool:
        """Whether a browser is logged on no more in which the user was proven at a time."""
        return self.logged_off_at is not None and authenticated_at <= self.logged_off_at


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as its administrators see it. `etag` tells this state from any other; `updated_at` is absent: never."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    role: str
    status: str
    description: str
    default_drive_id: str
    user_data: Mapping[str, str]
    creator: str
    domain_id: str
    created_at: datetime
    updated_at: datetime | None
    etag: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is to be. An empty `user_id` asks for one."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    role: str
    status: str
    description: str
    default_drive_id: str
    user_data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogonUser:
    """Who logs on for the first time; what is not known is empty. `client_id`: the app that it logs on to."""

    domain_id: str
    client_id: str
    user_name: str
    nick_name: str
    avatar: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class UserChange:
    """What of a user is to be another; `None` stays. `user_data` takes the place of all that was there."""

    user_name: str | None = None
    nick_name: str | None = None
    avatar: str | None = None
    role: str | None = None
    status: str | None = None
    description: str | None = None
    default_drive_id: str | None = None
    user_data: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who a user is, for itself."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    updated_at: datetime
