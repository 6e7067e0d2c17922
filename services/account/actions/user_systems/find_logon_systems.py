"""What the logon to a domain goes by, for the pages."""

from dataclasses import replace

from services.account.model.user_systems import CODED, LogonSystems
from services.account.resources import Resources
from services.account.senders import Sender
from services.runtime.errors import Unavailable


async def find_logon_systems(resources: Resources, domain_id: str) -> LogonSystems:
    """The settings of a domain, and the user systems that there are: enabled, and within this installation's means.

    One round trip. Those that only link are among them (`link_only`): who logs on may not be shown them.
    """
    found = await resources.store.select_logon_systems(domain_id)
    systems = (each for each in found.systems if each.type not in CODED or _sends(resources.sender, each.type))
    return replace(found, systems=tuple(systems))


def _sends(sender: Sender, type_: str) -> bool:
    try:
        sender.check(type_)
    except Unavailable:
        return False
    return True
