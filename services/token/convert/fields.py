"""Rules of the wire that several messages share: what an id, a name, a text may be."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from services.runtime.errors import FieldInvalid
from services.token.model import ID

MAX_NAME = 128
MAX_URI = 2048
MAX_SCOPES = 50


def checked_client_id(text: str) -> str:
    """An app's id. Raises `FieldInvalid`."""
    if not ID.fullmatch(text):
        raise FieldInvalid("client_id")
    return text


def checked_domain_id(text: str) -> str:
    """A domain's id. Raises `FieldInvalid`."""
    if not ID.fullmatch(text):
        raise FieldInvalid("domain_id")
    return text


def checked_uuid(field: str, text: str) -> UUID:
    """The id of a session, or of something else that has a UUID. Raises `FieldInvalid`."""
    try:
        return UUID(text)
    except ValueError as error:
        raise FieldInvalid(field) from error


def each_once(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values without those that stand there again, in their order."""
    return tuple(dict.fromkeys(values))


def timestamp(moment: datetime) -> Timestamp:
    """A moment as messages carry it."""
    written = Timestamp()
    written.FromDatetime(moment)
    return written
