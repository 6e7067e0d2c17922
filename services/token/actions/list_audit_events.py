"""ListAuditEvents: what happened in the caller's domain."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.runtime.auth import Principal
from services.runtime.ids import uuid7_time
from services.runtime.pages import read_page_token, write_page_token
from services.token.errors import NotFoundDomain
from services.token.model import AuditEvent, AuditFilter
from services.token.resources import Resources

# Rows that one call looks at for others than a user's: it costs that much and no more, however few of them fit.
_LOOK = 10_000
# Ids are made in several processes, and a session's first event may be a moment older than its id.
_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which events are wanted, and which page of them; what is empty or absent does not matter."""

    start: datetime | None
    end: datetime | None
    event: str
    client_id: str
    user_id: str
    session_id: UUID | None
    oldest_first: bool
    size: int
    page_token: str


async def list_audit_events(
    resources: Resources, caller: Principal, *, query: AuditQuery
) -> tuple[list[AuditEvent], str]:
    """A page of events, and the token of the next one; empty: there is none.

    Raises:
        FieldInvalid: a page token that is none, or another query's.
        NotFoundDomain: the domain is gone.
    """
    domain = await resources.directory.domain(caller.domain_id)
    if domain is None:
        raise NotFoundDomain
    asked = (
        "ListAuditEvents",
        domain.domain_id,
        query.start,
        query.end,
        query.event,
        query.client_id,
        query.user_id,
        query.session_id,
        query.oldest_first,
    )
    place = read_page_token(query.page_token, asked, UUID)
    wanted = _wanted(resources, query, domain.domain_id, domain.audit_retention)
    events, last = await _page(resources, domain.domain_id, wanted, query, place[0] if place else None)
    return events, write_page_token(asked, last) if last else ""


def _wanted(resources: Resources, query: AuditQuery, domain_id: str, retention: timedelta) -> AuditFilter:
    now = resources.clock.now()
    # What is past its retention is not shown, whether it was deleted yet or not.
    start = max(query.start or now - retention, now - retention)
    if query.session_id and query.session_id.version == 7:
        start = max(start, uuid7_time(query.session_id) - _SKEW)
    ids: tuple[str, ...] = ()
    if query.user_id:
        ids = (query.user_id, resources.vault.pseudonym(domain_id, query.user_id))
    return AuditFilter(
        start=start,
        end=query.end or now + _SKEW,
        event=query.event or None,
        client_id=query.client_id or None,
        session_id=query.session_id,
        user_ids=ids,
    )


async def _page(
    resources: Resources, domain_id: str, wanted: AuditFilter, query: AuditQuery, place: UUID | None
) -> tuple[list[AuditEvent], UUID | None]:
    """Events after a place in their order, and the place from which to go on; `None`: there are no more."""
    store, size = resources.store, query.size
    if wanted.user_ids:
        events = await store.select_audit_of_user(
            domain_id, wanted, key=place, newest_first=not query.oldest_first, rows=size
        )
        last = None
    else:
        filtered = wanted.event or wanted.client_id or wanted.session_id
        look = max(_LOOK, size) if filtered else size
        if query.oldest_first:
            events, last = await store.select_audit_oldest(domain_id, wanted, after=place, look=look, rows=size)
        else:
            events, last = await store.select_audit_newest(domain_id, wanted, before=place, look=look, rows=size)
    return events, events[-1].event_id if len(events) == size else last
