"""A password, tried at the user system that knows it."""

from uuid import UUID

from services.account.actions.logon.guesses import counted
from services.account.connectors import Asking, Proven
from services.account.model.logon import name_key
from services.account.model.user_systems import UserSystem
from services.account.resources import Resources


async def try_password(
    resources: Resources,
    connector: Asking,
    system: UserSystem,
    name: str,
    password: str,
    *,
    browser_id: UUID,
    address: str,
) -> Proven:
    """Have a user system prove somebody. A password is counted, over all replicas, before it is known to be wrong.

    Args:
        resources: the parts of the service.
        connector: asks the user system.
        system: the user system.
        name: as it was typed.
        password: as it was typed.
        browser_id: by what the name knows the browser, or `STRANGER`.
        address: where the browser is.

    Raises:
        LogonRefused: as `counted`, and this one is not looked at; or as the user system refuses.
        Unavailable: the user system is away, and nothing is counted; database away.
    """
    async with counted(
        resources, system.domain_id, system.user_system_id, name_key(name), browser_id=browser_id, address=address
    ):
        return await connector.prove(system, name, password)
