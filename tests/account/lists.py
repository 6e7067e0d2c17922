"""LinkService as tests call it, and its feed, replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tessera.account.v1 import account_pb2
from tessera.account.v1 import link_service_pb2 as pb2

from tests.account.running import Account
from tests.support.calls import Metadata

LINKED, UNLINKED = pb2.LinkEvent.KIND_LINKED, pb2.LinkEvent.KIND_UNLINKED

READ = "account.link.read"
WATCH = "account.link.watch"


async def list_page(account: Account, caller: Metadata, **fields: Any) -> pb2.ListLinksResponse:
    return await account.link_lists.ListLinks(pb2.ListLinksRequest(**fields), metadata=caller)


async def list_all(account: Account, caller: Metadata, **fields: Any) -> list[account_pb2.AccountLinkInfo]:
    """Page by page."""
    found: list[account_pb2.AccountLinkInfo] = []
    while True:
        page = await list_page(account, caller, **fields)
        assert len(page.links) <= (fields.get("page_size") or 50)
        assert bool(page.cursor) == ("page_token" not in fields)
        found += page.links
        if not page.next_page_token:
            return found
        fields["page_token"] = page.next_page_token


def watch(account: Account, caller: Metadata, cursor: str = "") -> AsyncIterator[pb2.WatchLinksResponse]:
    return account.link_lists.WatchLinks(pb2.WatchLinksRequest(cursor=cursor), metadata=caller)


@dataclass
class Model:
    """What a consumer knows of links: by type, identity and country code, whose each is."""

    owners: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def take(self, events: Any) -> None:
        """Apply events whose order has to be that of the table: nothing is told that cannot follow what was told."""
        for event in events:
            key = (event.type, event.identity, event.extra)
            if event.kind == LINKED:
                assert self.owners.setdefault(key, event.user_id) == event.user_id, event
            else:
                assert self.owners.pop(key) == event.user_id, event
