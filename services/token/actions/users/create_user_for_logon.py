"""CreateUserForLogon: somebody who was proven and is not there yet."""

from services.runtime.auth import Principal
from services.token.actions.phases import quotas
from services.token.actions.phases.requests import once
from services.token.errors import AlreadyExistsUser, NotFoundDomain, NotFoundUser
from services.token.model import LogonUser
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.store import Statements


async def create_user_for_logon(
    resources: Resources, caller: Principal, *, new: LogonUser, request: RequestId | None
) -> str:
    """Make an enabled user of role `user`, with audit row and feed, and answer its id.

    Args:
        resources: the parts of the service.
        caller: who has proven the user.
        new: what the user is to be.
        request: tells the call, which may be made again.

    Raises:
        NotFoundDomain: there is no such domain.
        NotFoundUser: the user that the same call made is gone.
        QuotaExceeded: the domain has as many users as it may.
        FieldInvalid: a request id of another call.
    """
    domain = await resources.directory.domain(new.domain_id)
    if domain is None:
        raise NotFoundDomain
    made_now = False

    async def make(store: Statements) -> tuple[str, ...]:
        nonlocal made_now
        made_now = True
        now, user_id, event_id = resources.clock.now(), resources.new_id().hex, resources.new_id()
        await quotas.check_users(store, domain, now)
        if not await store.create_user_for_logon(user_id, new, caller.responsible, now, event_id):
            raise AlreadyExistsUser(detail=user_id)
        return (user_id,)

    (user_id,) = await once(resources, new.domain_id, request, make)
    if not made_now and await resources.store.select_user(new.domain_id, user_id) is None:
        raise NotFoundUser
    return user_id
