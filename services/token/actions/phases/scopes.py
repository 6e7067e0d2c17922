"""Scopes: never more than there are."""

from services.token.errors import InvalidScope


def narrow(requested: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes that a token gets.

    Args:
        requested: those asked for; empty: all.
        allowed: those that the app or the session has.

    Raises:
        InvalidScope: one was asked for that is not among the allowed.
    """
    if not set(requested) <= set(allowed):
        # Not which: anything may have been sent in its place.
        raise InvalidScope(detail="a scope that is not allowed")
    return requested or allowed


def kept(granted: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a session's scopes that its app still has: what was taken from an app, nothing brings back."""
    return tuple(scope for scope in granted if scope in allowed)
