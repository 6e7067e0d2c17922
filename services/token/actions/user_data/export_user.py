"""ExportUser: all that token keeps of a user, a page at a time."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from services.token.errors import NotFoundUser
from services.token.model import AuditEvent, AuditFilter, Domain, KeptSession, Profile
from services.token.resources import Resources

_NIL = UUID(int=0)
# Ids are made in several processes, whose clocks differ a little.
_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: after a session, or after an event; sessions come first."""

    in_audit: bool
    last: UUID


@dataclass(slots=True)
class UserRecord:
    """A page of all that token keeps of a user; `profile` and `access_ids` are on the first alone."""

    profile: Profile | None = None
    access_ids: list[int] = field(default_factory=list)
    sessions: list[KeptSession] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)
    following: Place | None = None


async def export_user(
    resources: Resources, *, domain_id: str, user_id: str, place: Place | None, limit: int
) -> UserRecord:
    """Read a page.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: the user.
        place: where the page before ended; `None`: the first page.
        limit: sessions and events at the most, from 1 on.

    Raises:
        NotFoundUser: the domain has no such user.
    """
    record = UserRecord()
    domain = await resources.directory.domain(domain_id)
    if domain is None:
        raise NotFoundUser
    if place is None:
        record.profile = await resources.store.select_profile(domain_id, user_id)
        if record.profile is None:
            raise NotFoundUser
        record.access_ids = await resources.store.select_access_ids(domain_id)
        place = Place(in_audit=False, last=_NIL)
    if not place.in_audit:
        record.sessions = await resources.store.select_kept_sessions(domain_id, user_id, place.last, limit)
        if len(record.sessions) == limit:
            record.following = Place(in_audit=False, last=record.sessions[-1].session.session_id)
            return record
        place = Place(in_audit=True, last=_NIL)
    room = limit - len(record.sessions)
    record.events = await _events(resources, domain, user_id, place.last, room)
    if len(record.events) == room:
        record.following = Place(in_audit=True, last=record.events[-1].event_id)
    return record


async def _events(resources: Resources, domain: Domain, user_id: str, after: UUID, limit: int) -> list[AuditEvent]:
    now = resources.clock.now()
    # Not by its pseudonym: what is kept under that was an earlier user's.
    wanted = AuditFilter(start=now - domain.audit_retention, end=now + _SKEW, user_ids=(user_id,))
    return await resources.store.select_audit_of_user(
        domain.domain_id, wanted, key=None if after == _NIL else after, newest_first=False, rows=limit
    )
