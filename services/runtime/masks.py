"""Which fields of a noun a change is about, and what they are to be (AIP-134, AIP-161)."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from services.runtime.errors import FieldInvalid

Reader = Callable[[str, Any], Any]
"""Checks the value of a field, whose name is told first, and answers it as it is kept."""


def read_changes(noun: str, message: Message, mask: FieldMask, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """New values by field, of those that a mask names and that may be changed (AIP-161, AIP-134).

    An empty mask names what is set, `*` everything. What the service alone sets (AIP-203) may stand there, as it does
    where somebody sends back what he was answered, and is passed over.
    """
    paths = set(mask.paths)
    if not paths:
        paths = {field.name for field, _ in message.ListFields()}
    elif paths == {"*"}:
        paths = set(readers)
    if not paths.issubset(message.DESCRIPTOR.fields_by_name):
        raise FieldInvalid("update_mask")
    # A message field that is absent has no value of its own to read.
    return {name: read(f"{noun}.{name}", _value(message, name)) for name, read in readers.items() if name in paths}


def _value(message: Message, name: str) -> Any:
    field = message.DESCRIPTOR.fields_by_name[name]
    return getattr(message, name) if not field.has_presence or message.HasField(name) else None
