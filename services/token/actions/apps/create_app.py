"""CreateApp: an OAuth client, not admitted yet."""

from dataclasses import dataclass

from services.runtime.auth import Principal
from services.token.actions.phases import quotas
from services.token.actions.phases.admission import RULES
from services.token.actions.phases.reach import check_push_apps, check_reach
from services.token.actions.phases.requests import once
from services.token.errors import NotFoundDomain
from services.token.events import EventName
from services.token.model import AppType, AuthMethod, Event, StoredTrustedKey
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.secret import hash_secret, new_id, new_secret
from services.token.store import Statements


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an app is to be. `key` verifies its assertions; absent: it makes none."""

    name: str
    type: AppType
    description: str
    logo: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    push_access_ids: tuple[int, ...]
    key: StoredTrustedKey | None
    skip_consent: bool
    device_flow: bool


async def create_app(
    resources: Resources, caller: Principal, *, new: NewApp, request: RequestId | None
) -> tuple[str, str]:
    """Make an app in the caller's domain.

    Returns:
        Its id and its secret; the secret is empty for a type that has none, and for an app that brings a key instead.

    Raises:
        PermissionDenied: a permission that the caller does not hold, or a scope that opens one.
        FieldInvalid: a push app that is not the domain's; a request id of another call.
        NotFoundDomain: the domain is gone.
        QuotaExceeded: the domain has as many apps as it may.
    """
    domain = await resources.directory.domain(caller.domain_id)
    if domain is None:
        raise NotFoundDomain
    check_reach(caller, permissions=new.permissions, scopes=new.scopes, push_access_ids=new.push_access_ids)

    async def make(store: Statements) -> tuple[str, ...]:
        has_secret = AuthMethod.POST in RULES[new.type].methods and new.key is None
        domain_id, client_id, secret = caller.domain_id, new_id(), new_secret() if has_secret else ""
        now = resources.clock.now()
        await quotas.check_apps(store, domain)
        await check_push_apps(store, domain_id, new.push_access_ids)
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
            description=new.description,
            logo=new.logo,
            skip_consent=new.skip_consent,
            device_flow=new.device_flow,
        )
        if new.key:
            await store.insert_trusted_key(domain_id, client_id, new.key, now)
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(domain_id, resources.new_id(), EventName.APP_CREATED, client_id, actor=caller.responsible)
        )
        return client_id, secret

    client_id, secret = await once(resources, caller.domain_id, request, make)
    return client_id, secret
