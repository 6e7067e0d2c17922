"""ExportUser: all that there is of a user, at token and here."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.account.model import BoundAccount, Link, LinkEvent, OpenAccount, PendingProof, bound_accounts
from services.account.model.logon import BrowserSession, Consent
from services.account.peers import UserRecord
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.ids import lowest_uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Which page: of token's by its token, empty for the first; else of what became of links, after an event."""

    page_token: str = ""
    after: UUID | None = None


@dataclass(slots=True)
class Export:
    """A page: what token says, as it came; account's part, on the first page alone; and what became of links, last.

    `following` is the event after which the next page goes on; `None` where that is token's, or this is the last one.
    """

    record: UserRecord
    links: list[Link] = field(default_factory=list)
    open_accounts: list[OpenAccount] = field(default_factory=list)
    bound_accounts: list[BoundAccount] = field(default_factory=list)
    pending_proofs: list[PendingProof] = field(default_factory=list)
    browsers: list[BrowserSession] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    link_events: list[LinkEvent] = field(default_factory=list)
    following: UUID | None = None


async def export_user(resources: Resources, caller: Principal, *, user_id: str, place: Place, limit: int) -> Export:
    """Read a page of all that there is of a user of the caller's domain.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        user_id: the user.
        place: where the page begins.
        limit: sessions and events at the most, of both kinds together, from 1 on.

    Raises:
        NotFoundLinkUser: the domain has no such user.
        FieldInvalid: a page that token does not know.
        Unavailable: token or database away.
    """
    domain_id, token = caller.domain_id, resources.token
    # Also where token has told everything: who is not there any more is told nothing of.
    record = await token.export_user(domain_id, user_id, 1 if place.after else limit, place.page_token)
    first = record if record.HasField("user") else await token.export_user(domain_id, user_id, 1, "")
    export = Export(UserRecord() if place.after else record)
    if export.record.HasField("user"):
        await _tell_own(resources, domain_id, user_id, export)
    if export.record.next_page_token:
        return export
    # What became of the links of an earlier user of this id is not this one's.
    made_at = _EPOCH + timedelta(milliseconds=first.user.created_at)
    after = max(place.after or UUID(int=0), lowest_uuid7(made_at))
    room = limit - len(export.record.sessions) - len(export.record.audit_events)
    export.link_events = await resources.store.select_link_events_of_user(domain_id, user_id, after, room)
    if len(export.link_events) == room:
        export.following = export.link_events[-1].event_id if export.link_events else after
    return export


async def _tell_own(resources: Resources, domain_id: str, user_id: str, export: Export) -> None:
    """What account has of a user that is not told by pages."""
    store = resources.store
    identities = await store.select_identities_of_user(domain_id, user_id)
    export.links = await store.select_links_of_user(domain_id, user_id)
    export.open_accounts = await store.select_open_accounts_of_user(domain_id, user_id)
    export.bound_accounts = bound_accounts(user_id, identities, export.record.access_ids)
    now = resources.clock.now()
    export.pending_proofs = await store.select_pending_proofs(domain_id, user_id, now)
    export.browsers = await store.select_logon_sessions(domain_id, user_id, now)
    export.consents = await store.select_consents(domain_id, user_id)
