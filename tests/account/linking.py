"""Links made and taken away in the store, as a call would."""

from datetime import UTC, datetime

from services.account.model import Identity
from services.account.store import Store
from services.runtime.ids import uuid7


async def linked(store: Store, domain_id: str, identity: Identity, user_id: str, now: datetime) -> bool:
    """Link; whether the identity is this user's now."""
    made = uuid7(datetime.now(UTC))
    verdict = await store.link_identity(domain_id, identity, user_id, now=now, event_id=made, actor="test")
    return verdict in ("linked", "kept")


async def unlinked(store: Store, domain_id: str, identity: Identity, user_id: str) -> None:
    """Unlink."""
    now = datetime.now(UTC)
    await store.unlink_identity(domain_id, identity, user_id, now=now, event_id=uuid7(now), actor="test")
