"""StreamTokens: the tokens of any number of accounts, as many at a time as one message names."""

from collections.abc import AsyncGenerator, Sequence

from services.binding.actions.list_tokens import list_tokens
from services.binding.model import Account, Page, Place
from services.binding.resources import Resources
from services.runtime.auth import PushApp

# About half a megabyte of usual tokens, and of the longest less than gRPC's clients take by default.
_AT_ONCE = 1000


async def stream_tokens(
    resources: Resources, push_app: PushApp, *, accounts: Sequence[Account]
) -> AsyncGenerator[Page, None]:
    """The tokens of the accounts of one message, in pages of at most 1,000 bindings; at least one page.

    A page is read when it is asked for: nothing waits for a caller who is slow.
    """
    after: Place | None = None
    while True:
        page = await list_tokens(resources, push_app, accounts=accounts, after=after, limit=_AT_ONCE)
        yield page
        after = page.following
        if after is None:
            return
