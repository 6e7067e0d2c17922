"""Rules of the wire that several messages share."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.binding.model import Account, Once
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.ids import uuid7_time
from services.runtime.requests import read_request
from services.runtime.validation import has_control

MAX_ACCOUNTS_OF_TOKEN = 100
MAX_LISTED = 1000

_REQUEST_ID_LIVES = timedelta(hours=24)
# Callers' clocks go wrong, too.
_REQUEST_ID_AHEAD = timedelta(minutes=5)


def check_count(field: str, entries: Sequence[object], most: int) -> None:
    """See that a list has entries, and not too many. Raises `FieldMissing`, `FieldInvalid`."""
    if not entries:
        raise FieldMissing(field)
    if len(entries) > most:
        raise FieldInvalid(field, f"{field} has more than {most} entries.")


def is_token(token: str) -> bool:
    """Whether a text may be a device token: 1 to 255 bytes, no control characters."""
    return 1 <= len(token.encode()) <= 255 and not has_control(token)


def is_account_type(account_type: int) -> bool:
    """Whether a number may be an account type. The vendor's tables contradict each other, so any of 16 bits may."""
    return 0 <= account_type <= 65535


def is_account(account: Account) -> bool:
    """Whether an account may be one: 2 to 255 characters, no control characters, a type of 16 bits."""
    return (
        2 <= len(account.account) <= 255 and not has_control(account.account) and is_account_type(account.account_type)
    )


def read_once(message: Any, caller: Principal, clock: Clock, *, named: str = "request_id") -> Once | None:
    """What tells a call that may be made again; `None` where nothing does.

    The id that it brought; else what it was signed by, whose time token has looked at.

    Args:
        message: has a field `request_id`.
        caller: whose deed the call is.
        clock: tells how old the id is.
        named: what the caller calls the id.

    Raises:
        FieldInvalid: the id is no UUIDv7, or not of the last 24 hours.
    """
    signed = caller.signature if not message.request_id else None
    if signed:
        message.request_id = str(signed.request_id)
    try:
        read = read_request(message, caller.responsible)
    except FieldInvalid as error:
        raise FieldInvalid(named) from error
    if read is None:
        return None
    request_id, digest = read
    if request_id.version != 7:
        raise FieldInvalid(named, f"{named} is no UUID of version 7.")
    if signed:
        return Once(request_id, digest)
    age = clock.now() - uuid7_time(request_id)
    if not -_REQUEST_ID_AHEAD <= age <= _REQUEST_ID_LIVES:
        raise FieldInvalid(named, f"{named} is not of the last 24 hours.")
    return Once(request_id, digest, named)
