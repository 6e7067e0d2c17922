"""What the database's functions about users and their sessions say no with."""

from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied, Refusal
from services.token.errors import EtagMismatch, LastSuperadmin, NotFoundSession, NotFoundUser


def refuse(verdict: str, caller: Principal) -> Refusal:
    """The refusal that a verdict stands for, to be raised.

    Args:
        verdict: of a function; none of those that say yes.
        caller: who is refused, for the log.
    """
    match verdict:
        case "no_user":
            return NotFoundUser()
        case "no_session":
            return NotFoundSession()
        case "etag":
            return EtagMismatch()
        case "last":
            return LastSuperadmin()
    # `role`: the user's is above the caller's; `raise`: a user would raise itself.
    return PermissionDenied(detail=f"{caller.kind} {caller.subject}: {verdict}")
