"""CreateDomain: another tenant, with somebody to operate it."""

import asyncio

from services.runtime.auth import Principal
from services.token.actions.domains.founding import OPERATOR, SCOPES, found_domain, insert_identity
from services.token.actions.phases.requests import once
from services.token.errors import AlreadyExistsDomain, NotFoundDomain
from services.token.keys import new_keys
from services.token.model import Domain, check_permissions
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.secret import new_id, new_secret
from services.token.store import Statements


async def create_domain(
    resources: Resources, caller: Principal, *, domain_id: str, name: str, issuer: str, request: RequestId | None
) -> tuple[str, str, str]:
    """Make a domain; an empty `issuer` puts it beside the caller's.

    Returns:
        Ids of its superadmin and of its operator's identity, and the identity's secret.

    Raises:
        PermissionDenied: the caller does not hold what an operator does.
        AlreadyExistsDomain: the id or the issuer is taken.
        FieldInvalid: a request id of another call.
    """
    check_permissions(caller, OPERATOR)
    beside = await resources.directory.domain(caller.domain_id)
    if beside is None:
        raise NotFoundDomain
    domain = Domain(domain_id, issuer or f"{beside.base_url}/d/{domain_id}", SCOPES, name=name)

    async def make(store: Statements) -> tuple[str, ...]:
        # An RSA key takes its time, and other calls are not to wait for it.
        keys = await asyncio.to_thread(new_keys, domain, resources.vault)
        now = resources.clock.now()
        user_id = await found_domain(store, domain, keys, now, actor=caller.responsible)
        if user_id is None:
            raise AlreadyExistsDomain
        client_id, secret = new_id(), new_secret()
        await insert_identity(
            store,
            domain_id,
            client_id,
            now=now,
            name="operator",
            permissions=OPERATOR,
            actor=caller.responsible,
            secret=secret,
        )
        await store.notify_change("domain", domain_id)
        await store.notify_change("issuer", domain.issuer)
        await store.notify_change("signing_key", domain_id)
        return user_id, client_id, secret

    user_id, client_id, secret = await once(resources, caller.domain_id, request, make)
    return user_id, client_id, secret
