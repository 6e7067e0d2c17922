"""The device whose code a user entered."""

from services.account.actions.logon.guesses import counted
from services.account.model.logon import STRANGER, Device
from services.account.resources import Resources


async def find_device(resources: Resources, domain_id: str, user_id: str, user_code: str, *, address: str) -> Device:
    """Find what a device asks for. Wrong codes are counted by the user, as wrong passwords are by their name.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: who entered the code.
        user_code: as it was entered.
        address: where the browser is.

    Raises:
        LogonRefused: `user_code`, no device shows that; `decided`, it was used; `guesses`, too many were wrong in this
            domain; as `counted`, and this one is not looked for.
        Unavailable: token or database away.
    """
    async with counted(resources, domain_id, "device", user_id, browser_id=STRANGER, address=address):
        return await resources.token.get_device(user_code, domain_id)
