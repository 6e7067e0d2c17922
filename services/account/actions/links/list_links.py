"""ListLinks: the links of a domain, a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.account.model import PlacedLink
from services.account.resources import Resources
from services.runtime.auth import Principal

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """After which link a page begins. Only of a user's links does the time count, and comes first."""

    created_at: datetime
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class WantedLinks:
    """A page that is asked for: of a user, of a type, both or neither, where the other is empty.

    `after` is `None` for the first page; `limit` is from 1 on.
    """

    user_id: str
    type: str
    after: Place | None
    limit: int


@dataclass(frozen=True, slots=True)
class LinksPage:
    """A page. The next one, where there is `more`, begins after its last link. `cursor`: empty but on the first."""

    links: list[PlacedLink]
    more: bool
    cursor: str


async def list_links(resources: Resources, caller: Principal, *, wanted: WantedLinks) -> LinksPage:
    """Links of the caller's domain. One statement, and on the first page one for the cursor before it.

    Raises:
        Unavailable: the database is away; of a first page, or no primary.
    """
    # Before the page is read: what the page no longer sees has to be told after the cursor.
    cursor = "" if wanted.after else await resources.link_feed.now()
    # One more than is answered tells whether there is a next page.
    found = await _select(resources, caller.domain_id, wanted)
    return LinksPage(found[: wanted.limit], len(found) > wanted.limit, cursor)


async def _select(resources: Resources, domain_id: str, wanted: WantedLinks) -> list[PlacedLink]:
    store, limit = resources.store, wanted.limit + 1
    after = wanted.after or Place(_BEGINNING, "", "")
    if wanted.user_id:
        place = (after.created_at, after.type, after.key)
        return await store.select_links_of_user_page(domain_id, wanted.user_id, wanted.type, place, limit)
    if wanted.type:
        return await store.select_links_of_type_page(domain_id, wanted.type, after.key, limit)
    return await store.select_links_page(domain_id, (after.type, after.key), limit)
