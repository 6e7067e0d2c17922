"""Messages of LinkService to model and back."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tessera.account.v1 import link_service_pb2 as pb2

from services.account.actions.links.list_links import LinksPage, Place, WantedLinks
from services.account.convert.links import checked_type, write_link
from services.account.model import MAX_IDENTITY_CHARS, Identity, Link, normalise
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.runtime.validation import checked_text, checked_user_id

_MAX_IDENTITIES = 1000
# To read a telephone number takes about 0.1 ms, and other calls are not to wait for a thousand of them.
_AT_ONCE = 50


async def read_identities(request: pb2.BatchGetLinksRequest) -> Sequence[Identity]:
    """The identities of a batch. Lets other calls go on in between.

    Raises:
        FieldInvalid: there are more than 1,000, or one that is none; the field is that one's, with its place.
        FieldMissing: one lacks its type or the identity.
    """
    if len(request.identities) > _MAX_IDENTITIES:
        raise FieldInvalid("identities")
    identities = []
    for place, asked in enumerate(request.identities):
        if place % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        try:
            identities.append(_read_identity(asked))
        except (FieldInvalid, FieldMissing) as error:
            raise type(error)(f"identities[{place}].{error.field}") from error
    return identities


def write_results(links: Iterable[Link | None]) -> pb2.BatchGetLinksResponse:
    """An entry for each, without a link where there is none."""
    return pb2.BatchGetLinksResponse(
        results=[pb2.LinkOfIdentity(link=write_link(link) if link else None) for link in links]
    )


def read_wanted(request: pb2.ListLinksRequest, domain_id: str) -> WantedLinks:
    """The page that is asked for. Raises `FieldInvalid`."""
    user_id = request.user_id and checked_user_id(request.user_id)
    type_ = request.type and checked_type(request.type)
    key = read_page_token(request.page_token, _query(domain_id, user_id, type_), _moment, str, str)
    return WantedLinks(user_id, type_, Place(*key) if key else None, page_size(request.page_size))


def write_page(page: LinksPage, wanted: WantedLinks, domain_id: str) -> pb2.ListLinksResponse:
    """A page, with the token of the next one."""
    token = ""
    if page.more:
        last = page.links[-1]
        created_at = last.link.created_at.astimezone(UTC).isoformat()
        token = write_page_token(_query(domain_id, wanted.user_id, wanted.type), created_at, last.link.type, last.key)
    return pb2.ListLinksResponse(
        links=[write_link(placed.link) for placed in page.links], next_page_token=token, cursor=page.cursor
    )


def _read_identity(asked: pb2.LinkIdentity) -> Identity:
    for field in ("type", "identity"):
        if not getattr(asked, field):
            raise FieldMissing(field)
    return normalise(
        checked_type(asked.type), checked_text("identity", asked.identity, MAX_IDENTITY_CHARS), asked.extra
    )


def _query(domain_id: str, user_id: str, type_: str) -> tuple[object, ...]:
    return ("ListLinks", domain_id, user_id, type_)


def _moment(text: str) -> datetime:
    """A time as it stands in a page token. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo != UTC:
        raise ValueError
    return moment
