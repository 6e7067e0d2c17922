"""Ids that sort by the time they were made: UUID version 7 (RFC 9562 section 5.7)."""

import os
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def uuid7(now: datetime) -> uuid.UUID:
    """Make an id whose first 48 bits are `now` in milliseconds and whose other 74 are random."""
    return derived_uuid7(now, os.urandom(10))


def derived_uuid7(moment: datetime, content: bytes) -> uuid.UUID:
    """The id of a moment and a content, of whose first 80 bits it has 74: the same each time."""
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    value = (milliseconds << 80) | int.from_bytes(content[:10])
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)


def lowest_uuid7(moment: datetime) -> uuid.UUID:
    """The smallest id of that moment: the bound of a partition."""
    return uuid.UUID(int=((moment - _EPOCH) // _MILLISECOND) << 80)


def uuid7_time(identifier: uuid.UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return _EPOCH + (identifier.int >> 80) * _MILLISECOND
