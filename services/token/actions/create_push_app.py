"""CreatePushApp: by which a push backend authenticates."""

from services.runtime.auth import Principal
from services.token.model import Event, PushApp
from services.token.resources import Resources
from services.token.secret import new_secret


async def create_push_app(
    resources: Resources, caller: Principal, *, name: str, tokens_per_account: int, append_enabled: bool
) -> tuple[int, str]:
    """Make a push app in the caller's domain and answer its id and secret."""
    domain_id, secret = caller.domain_id, new_secret()
    async with resources.store.transaction() as store:
        access_id = await store.select_next_push_access_id()
        sealed = resources.vault.seal(secret.encode(), f"{domain_id}/{access_id}")
        await store.insert_credential(str(access_id), domain_id, "push_app")
        await store.insert_push_app(
            PushApp(domain_id, access_id, sealed, tokens_per_account, append_enabled), name, resources.clock.now()
        )
        await store.insert_audit(
            Event(domain_id, resources.new_id(), "push_app.created", str(access_id), actor=caller.subject)
        )
    return access_id, secret
