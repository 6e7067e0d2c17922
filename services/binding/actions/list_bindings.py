"""ListBindings: all that a push app has bound, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.binding.model import Binding
from services.binding.resources import Resources
from services.runtime.auth import PushApp


@dataclass(frozen=True, slots=True)
class BindingsPage:
    """A page. The next one, where there is `more`, begins after its last binding. `cursor`: empty but on the first."""

    bindings: Sequence[Binding]
    more: bool
    cursor: str


async def list_bindings(
    resources: Resources, push_app: PushApp, *, after: tuple[str, int] | None, limit: int
) -> BindingsPage:
    """A page of the push app's bindings. One statement, and on the first page one for the cursor before it.

    Args:
        resources: the service's parts.
        push_app: the caller's.
        after: token and type that come before the page; `None`: it is the first.
        limit: bindings of it at the most.

    Returns:
        The bindings by token and type.

    Raises:
        Unavailable: the database is away; of a first page, or no primary.
    """
    # Before the page is read: what the page no longer sees has to be told after the cursor.
    cursor = "" if after else await resources.feed.now()
    # One more than is answered tells whether there is a next page.
    found = await resources.store.select_bindings(push_app.access_id, after or ("", -1), limit + 1)
    return BindingsPage(found[:limit], len(found) > limit, cursor)
