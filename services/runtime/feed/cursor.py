"""Where a consumer of a feed stands, and how that is written on the wire."""

import base64
import json
import re
from dataclasses import dataclass

from services.runtime.errors import FieldInvalid

_VERSION = 1
# Snapshots name the transactions that are under way: two of thousands fit.
_MAX_CHARS = 65_536
_MAX_NUMBER = 2**63 - 1
_SNAPSHOT = re.compile(r"[0-9]{1,19}:[0-9]{1,19}:(?:[0-9]{1,19}(?:,[0-9]{1,19})*)?")


@dataclass(frozen=True, slots=True)
class Position:
    """A snapshot of the database: which transactions have committed.

    Args:
        snapshot: as Postgres writes a `pg_snapshot`.
        at: when it was taken, in seconds since 1970, by the database's clock.
    """

    snapshot: str
    at: int


BEGINNING = Position("1:1:", 0)
"""Before any transaction."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a consumer has dealt with.

    Args:
        epoch: which life of the database and the table the snapshots belong to.
        base: all that this snapshot sees was dealt with.
        target: the snapshot that is being read; `None`: none is.
        last: sequence number up to which the target was dealt with.
    """

    epoch: str
    base: Position
    target: Position | None = None
    last: int = 0

    @property
    def since(self) -> int:
        """When the oldest snapshot that it speaks of was taken, in seconds since 1970; 0: it has yet to begin."""
        return self.base.at or (self.target.at if self.target else 0)

    def write(self) -> str:
        """The cursor as an opaque text: base64url, without padding."""
        target = [self.target.snapshot, self.target.at] if self.target else None
        fields = [_VERSION, self.epoch, self.base.snapshot, self.base.at, target, self.last]
        return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read what `write` has written. Raises `FieldInvalid` for anything else."""
        if len(text) > _MAX_CHARS:
            raise FieldInvalid("cursor")
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, epoch, snapshot, at, target, last = json.loads(raw)
            base = _position(snapshot, at)
            cursor = cls(epoch, base, None if target is None else _position(*target), _number(last))
        except (ValueError, TypeError, RecursionError) as error:
            raise FieldInvalid("cursor") from error
        if version != _VERSION or not isinstance(epoch, str):
            raise FieldInvalid("cursor")
        return cursor


def _position(snapshot: object, at: object) -> Position:
    """A position whose snapshot Postgres takes. Raises `ValueError`."""
    if not isinstance(snapshot, str) or not _SNAPSHOT.fullmatch(snapshot):
        raise ValueError("no snapshot")
    xmin, xmax, *running = (_number(int(part)) for part in re.split("[:,]", snapshot) if part)
    if not (1 <= xmin <= xmax and running == sorted(running) and all(xmin <= xid < xmax for xid in running)):
        raise ValueError("no snapshot")
    return Position(snapshot, _number(at))


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_NUMBER:
        raise ValueError("no number")
    return value
