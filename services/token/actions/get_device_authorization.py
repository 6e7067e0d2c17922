"""GetDeviceAuthorization: what the device asks for whose code somebody entered."""

from services.token.actions.get_logon_domain import get_logon_domain
from services.token.errors import DeviceAuthorizationDecided, GuessesExceeded, NotFoundDeviceAuthorization
from services.token.limits import EXCEEDED
from services.token.model import DeviceAuthorization, entered_user_code, hash_user_code
from services.token.resources import Resources

# Of 20^8 codes, of which a busy domain may have some thousands at a time. Each user has a limit of its own, at account.
_GUESSES_A_MINUTE = 600


async def get_device_authorization(
    resources: Resources, *, domain_id: str, host: str, user_code: str
) -> DeviceAuthorization:
    """Find a device's authorization that is not decided yet.

    Args:
        resources: the parts of the service.
        domain_id: the device's; empty: that of the host, or the default one.
        host: where the page stands.
        user_code: as it was entered.

    Raises:
        NotFoundDomain: there is no such domain.
        NotFoundDeviceAuthorization: no device asks by this code, or no longer. It is counted, but for what is no code.
        DeviceAuthorizationDecided: somebody decided before.
        GuessesExceeded: too many codes were none in this minute.
    """
    domain = await get_logon_domain(resources, domain_id=domain_id, host=host)
    code = entered_user_code(user_code)
    if code is None:
        raise NotFoundDeviceAuthorization(detail="not of the form of a code")
    verdict, found = await resources.store.find_device_authorization(
        domain.domain_id,
        hash_user_code(domain.domain_id, code),
        guesses=_GUESSES_A_MINUTE,
        now=resources.clock.now(),
    )
    match verdict:
        case "decided":
            raise DeviceAuthorizationDecided
        case "guessed":
            EXCEEDED.labels("device_guesses").inc()
            raise GuessesExceeded(detail=f"domain {domain.domain_id}: {_GUESSES_A_MINUTE} wrong codes a minute")
    if found is None:
        raise NotFoundDeviceAuthorization(detail=f"user code: {verdict}")
    return found
