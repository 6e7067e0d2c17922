"""How a call over REST says that it may be made again: a header, which the gateway passes on as metadata."""

from typing import Any

from services.runtime.errors import FieldInvalid

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header, as callers know it."""


def take_idempotency_key(request: Any, context: Any) -> str:
    """Write the call's header, where it has one, into its field `request_id`.

    Args:
        request: has the field; it may hold the same id already.
        context: of the call.

    Returns:
        What the caller named the id by.

    Raises:
        FieldInvalid: the header stands twice, is empty, or says another id than the field does.
    """
    keys = [value for name, value in context.invocation_metadata() or () if name == IDEMPOTENCY_KEY.lower()]
    if not keys:
        return "request_id"
    # The IETF's draft of the header has a quoted string, most of its users a bare one.
    key = keys[0][1:-1] if keys[0][:1] == keys[0][-1:] == '"' else keys[0]
    if len(keys) > 1 or not key or request.request_id not in ("", key):
        raise FieldInvalid(IDEMPOTENCY_KEY)
    request.request_id = key
    return IDEMPOTENCY_KEY
