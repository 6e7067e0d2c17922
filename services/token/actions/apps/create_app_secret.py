"""CreateAppSecret: one more secret, to take the place of another."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.actions.phases.admission import RULES
from services.token.actions.phases.reach import check_app_reach
from services.token.actions.phases.requests import once
from services.token.errors import AppCredentialsExhausted
from services.token.events import EventName
from services.token.model import AuthMethod, Event
from services.token.records import RequestId, secret_id
from services.token.resources import Resources
from services.token.secret import hash_secret, new_secret
from services.token.store import Statements

_MOST = 2


async def create_app_secret(
    resources: Resources, caller: Principal, *, client_id: str, request: RequestId | None
) -> tuple[str, str]:
    """Give an app of the caller's domain a second secret.

    Returns:
        The secret's id, and the secret.

    Raises:
        NotFoundApp: the domain has no such app.
        PermissionDenied: the app holds what the caller does not, who could call by the secret.
        AppCredentialsExhausted: it has two, or its type has none.
        FieldInvalid: a request id of another call.
    """

    async def make(store: Statements) -> tuple[str, ...]:
        known = await held_app(store, caller.domain_id, client_id)
        check_app_reach(caller, known.app)
        hashes = known.app.secret_hashes
        if len(hashes) >= _MOST or AuthMethod.POST not in RULES[known.app.type].methods:
            raise AppCredentialsExhausted
        secret = new_secret()
        digest = hash_secret(secret)
        await store.update_app_secrets(known, (*hashes, digest), resources.clock.now())
        await store.notify_change("app", client_id)
        made = secret_id(digest)
        await store.insert_audit(
            Event(
                caller.domain_id,
                resources.new_id(),
                EventName.APP_SECRET_CREATED,
                client_id,
                actor=caller.responsible,
                detail=made,
            )
        )
        return made, secret

    made, secret = await once(resources, caller.domain_id, request, make)
    resources.directory.forget_app(client_id)
    return made, secret
