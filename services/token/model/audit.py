"""What the audit log is told, and tells."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.token.events import EventName


@dataclass(frozen=True, slots=True)
class Proof:
    """How a user was proven."""

    method: str
    identity: str


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, for the audit log. `detail` holds nothing that a caller sent."""

    domain_id: str
    event_id: uuid.UUID
    event: EventName
    client_id: str | None = None
    user_id: str | None = None
    actor: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event as the audit log has it. `user_id` and `actor` are keyed hashes where the user was erased."""

    event_id: uuid.UUID
    event: str
    client_id: str | None
    user_id: str | None
    session_id: uuid.UUID | None
    actor: str | None
    proof_method: str | None
    proof_identity: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events of a domain are wanted: all that is given must fit. `user_ids` are one user's, or none is asked for.

    From `start`, and before `end`.
    """

    start: datetime
    end: datetime
    event: str | None = None
    client_id: str | None = None
    session_id: uuid.UUID | None = None
    user_ids: tuple[str, ...] = ()
