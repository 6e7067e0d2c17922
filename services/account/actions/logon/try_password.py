"""A password, tried at the user system that knows it; and how often one may be wrong."""

from services.account.connectors import Asking, Proven
from services.account.errors import LogonRefused
from services.account.model.logon import name_key
from services.account.model.user_systems import UserSystem
from services.account.resources import Resources
from services.runtime.errors import Unavailable


async def try_password(
    resources: Resources, connector: Asking, system: UserSystem, name: str, password: str, *, address: str
) -> Proven:
    """Have a user system prove somebody. A password is counted, over all replicas, before it is known to be wrong.

    Args:
        resources: the parts of the service.
        connector: asks the user system.
        system: the user system.
        name: as it was typed.
        password: as it was typed.
        address: where the browser is.

    Raises:
        LogonRefused: `passwords`, as many were wrong as may be within an hour, and this one is not looked at; or as the
            user system refuses.
        Unavailable: the user system is away, and nothing is counted; database away.
    """
    try_id, domain_id = resources.new_id(), system.domain_id
    verdict = await resources.store.begin_password_try(
        domain_id, try_id, system.user_system_id, name_key(name), address=address, now=resources.clock.now()
    )
    if verdict != "begun":
        raise LogonRefused("passwords", f"limit of the {verdict}")
    try:
        person = await connector.prove(system, name, password)
    except Unavailable:
        await resources.store.delete_password_try(domain_id, try_id)
        raise
    await resources.store.delete_password_try(domain_id, try_id)
    return person
