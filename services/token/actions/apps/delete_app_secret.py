"""DeleteAppSecret: a secret that was replaced, or is known to somebody else."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.errors import NotFoundAppSecret
from services.token.events import EventName
from services.token.model import Event
from services.token.records import secret_id
from services.token.resources import Resources


async def delete_app_secret(resources: Resources, caller: Principal, *, client_id: str, asked: str) -> None:
    """Take a secret, of the id `asked`, from an app of the caller's domain. What it has got by it lives on.

    Raises:
        NotFoundApp: the domain has no such app.
        NotFoundAppSecret: the app has no such secret.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        known = await held_app(store, domain_id, client_id)
        hashes = known.app.secret_hashes
        left = tuple(digest for digest in hashes if secret_id(digest) != asked)
        if len(left) == len(hashes):
            raise NotFoundAppSecret
        await store.update_app_secrets(known, left, resources.clock.now())
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.APP_SECRET_DELETED,
                client_id,
                actor=caller.responsible,
                detail=asked,
            )
        )
    resources.directory.forget_app(client_id)
