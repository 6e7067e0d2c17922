"""CreateApp: an OAuth client, not admitted yet."""

from dataclasses import dataclass

from services.runtime.auth import SCOPES, Principal
from services.runtime.errors import FieldInvalid
from services.token.actions.phases import quotas
from services.token.actions.phases.admission import RULES
from services.token.errors import NotFoundDomain
from services.token.model import PUSH_PERMISSIONS, AppType, AuthMethod, Event, StoredTrustedKey, check_permissions
from services.token.resources import Resources
from services.token.secret import hash_secret, new_id, new_secret


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


async def create_app(resources: Resources, caller: Principal, *, new: NewApp) -> tuple[str, str]:
    """Make an app in the caller's domain.

    Returns:
        Its id and its secret; the secret is empty for a type that has none, and for an app that brings a key instead.

    Raises:
        PermissionDenied: a permission that the caller does not hold, or a scope that opens one.
        FieldInvalid: a push app that is not the domain's.
        NotFoundDomain: the domain is gone.
        QuotaExceeded: the domain has as many apps as it may.
    """
    check_permissions(caller, new.permissions)
    # An app that signs for users could get through them what their role has and a scope opens.
    check_permissions(caller, (permission for scope in new.scopes for permission in SCOPES.get(scope, ())))
    if new.push_access_ids:
        check_permissions(caller, PUSH_PERMISSIONS)
    for access_id in new.push_access_ids:
        push_app = await resources.directory.push_app(access_id)
        if push_app is None or push_app.domain_id != caller.domain_id:
            raise FieldInvalid("push_access_ids")
    has_secret = AuthMethod.POST in RULES[new.type].methods and new.key is None
    domain_id, client_id, secret = caller.domain_id, new_id(), new_secret() if has_secret else ""
    now = resources.clock.now()
    domain = await resources.directory.domain(domain_id)
    if domain is None:
        raise NotFoundDomain
    async with resources.store.transaction() as store:
        await quotas.check_apps(store, domain)
        await store.insert_credential(client_id, domain_id, "app")
        await store.insert_app(
            domain_id,
            client_id,
            name=new.name,
            app_type=new.type,
            admitted=False,
            redirect_uris=new.redirect_uris,
            scopes=new.scopes,
            permissions=new.permissions,
            push_access_ids=new.push_access_ids,
            secret_hashes=(hash_secret(secret),) if secret else (),
            now=now,
        )
        if new.key:
            await store.insert_trusted_key(domain_id, client_id, new.key, now)
        await store.insert_audit(Event(domain_id, resources.new_id(), "app.created", client_id, actor=caller.subject))
    return client_id, secret
