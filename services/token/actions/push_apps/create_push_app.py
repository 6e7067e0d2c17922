"""CreatePushApp: by which a push backend authenticates."""

from services.runtime.auth import Principal
from services.token.actions.phases.requests import once
from services.token.events import EventName
from services.token.model import Event, PushApp
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.secret import new_secret
from services.token.store import Statements


async def create_push_app(
    resources: Resources,
    caller: Principal,
    *,
    name: str,
    tokens_per_account: int,
    append_enabled: bool,
    request: RequestId | None,
) -> tuple[int, str]:
    """Make a push app in the caller's domain and answer its id and secret.

    Raises:
        FieldInvalid: a request id of another call.
    """

    async def make(store: Statements) -> tuple[str, ...]:
        domain_id, secret = caller.domain_id, new_secret()
        access_id = await store.select_next_push_access_id()
        sealed = resources.vault.seal(secret.encode(), f"{domain_id}/{access_id}")
        await store.insert_credential(str(access_id), domain_id, "push_app")
        await store.insert_push_app(
            PushApp(domain_id, access_id, sealed, tokens_per_account, append_enabled), name, resources.clock.now()
        )
        await store.notify_change("push_app", str(access_id))
        await store.insert_audit(
            Event(domain_id, resources.new_id(), EventName.PUSH_APP_CREATED, str(access_id), actor=caller.responsible)
        )
        return str(access_id), secret

    access_id, secret = await once(resources, caller.domain_id, request, make)
    return int(access_id), secret
