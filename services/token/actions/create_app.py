"""CreateApp: an OAuth client, not admitted yet."""

from dataclasses import dataclass
from datetime import timedelta

from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid
from services.token.actions import credentials
from services.token.actions.phases.admission import RULES
from services.token.actions.resources import Resources
from services.token.model import App, AppType, AuthMethod, Event, StoredTrustedKey

GRACE = timedelta(seconds=30)
GRACE_REPEATS = 10


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an app is to be. `key` verifies its assertions; absent: it makes none."""

    name: str
    type: AppType
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    push_access_ids: tuple[int, ...]
    key: StoredTrustedKey | None


async def create_app(new: NewApp, caller: Principal, resources: Resources) -> tuple[str, str]:
    """Make an app in the caller's domain.

    Returns:
        Its id and its secret; the secret is empty for a type that has none, and for an app that brings a key instead.

    Raises:
        PermissionDenied: a permission that the caller does not hold.
        FieldInvalid: a push app that is not the domain's.
    """
    credentials.check_permissions(caller, new.permissions)
    for access_id in new.push_access_ids:
        push_app = await resources.directory.push_app(access_id)
        if push_app is None or push_app.domain_id != caller.domain_id:
            raise FieldInvalid("push_access_ids")
    has_secret = AuthMethod.POST in RULES[new.type].methods and new.key is None
    secret = credentials.new_secret() if has_secret else ""
    app = App(
        domain_id=caller.domain_id,
        client_id=credentials.new_id(),
        type=new.type,
        admitted=False,
        redirect_uris=new.redirect_uris,
        scopes=new.scopes,
        permissions=new.permissions,
        push_access_ids=new.push_access_ids,
        secret_hashes=(credentials.hash_secret(secret),) if secret else (),
        grace=GRACE,
        grace_repeats=GRACE_REPEATS,
    )
    now = resources.clock.now()
    async with resources.store.transaction() as store:
        await store.insert_credential(app.client_id, app.domain_id, "app")
        await store.insert_app(app, new.name, now)
        if new.key:
            await store.insert_trusted_key(app.domain_id, app.client_id, new.key, now)
        await store.insert_audit(
            Event(app.domain_id, resources.new_id(), "app.created", app.client_id, actor=caller.subject)
        )
    return app.client_id, secret
