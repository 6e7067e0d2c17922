"""ListVerificationKeys: every key by which services verify tokens."""

from services.runtime.errors import Unavailable
from services.runtime.keys import VerificationKey
from services.token.resources import Resources


def list_verification_keys(resources: Resources) -> list[VerificationKey]:
    """Public keys of all domains, the edge's included.

    Raises:
        Unavailable: they are not known yet; an empty answer would make a service forget what it has.
    """
    if resources.keyring.problem:
        raise Unavailable("token service", detail=resources.keyring.problem)
    return resources.keyring.verification_keys()
