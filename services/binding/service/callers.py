"""Whom a call speaks for."""

from services.runtime.auth import PushApp, principal
from services.runtime.errors import PermissionDenied


def push_app() -> PushApp:
    """The push app that the caller's credential speaks for: no request names one. Raises `PermissionDenied`."""
    caller = principal()
    if caller.push_app is None:
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} speaks for no push app")
    return caller.push_app
