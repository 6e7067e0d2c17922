"""Calls that may be made again (AIP-155): told from others by an id that the caller made up, and by what they are."""

import hashlib
from typing import Any
from uuid import UUID

from services.runtime.errors import FieldInvalid


def read_request(message: Any, caller: str) -> tuple[UUID, bytes] | None:
    """The id of a request, and SHA-256 of RPC, caller and all of its content but the id; `None` where it has no id.

    Args:
        message: has a field `request_id`.
        caller: whose deed the call is.

    Raises:
        FieldInvalid: the id is no UUID in its usual spelling.
    """
    if not message.request_id:
        return None
    try:
        value = UUID(message.request_id)
    except ValueError as error:
        raise FieldInvalid("request_id") from error
    if str(value) != message.request_id.lower():
        raise FieldInvalid("request_id")
    content = type(message)()
    content.CopyFrom(message)
    content.ClearField("request_id")
    digest = hashlib.sha256(f"{message.DESCRIPTOR.full_name}\n{caller}\n".encode())
    digest.update(content.SerializeToString(deterministic=True))
    return value, digest.digest()
