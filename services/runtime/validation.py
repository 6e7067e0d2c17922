"""What any request must keep to.

One rule is generic: a field that proto/ calls REQUIRED (AIP-203) must be there and not empty. Every other rule stands
in a service's convert.py, since its breach has a code of its own; what several of them need to say it is here.
"""

import re
import unicodedata
from functools import cache

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.runtime.errors import FieldInvalid, FieldMissing

USER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}")
"""What a user's id looks like, in every service."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""A character that ends lines or steers terminals, and belongs into no name."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
AUTHORITY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")
"""Host and port of an address on the web: letters, digits and hyphens (RFC 1123 section 2.1), or an address of IPv6.

A browser's policy reads some of what URLs may have there beside that, such as `*`, `;` and `,`, in a way of its own.
"""


def has_control(text: str) -> bool:
    """Whether there is a control character in a text."""
    # What is printable has none, and that is soon known.
    return not text.isprintable() and CONTROL.search(text) is not None


def checked_text(field: str, text: str, longest: int) -> str:
    """A text of at most `longest` characters, none of them a control character. Raises `FieldInvalid`."""
    if len(text) > longest or CONTROL.search(text):
        raise FieldInvalid(field)
    return text


def checked_name(field: str, text: str, longest: int) -> str:
    """A text as `checked_text` has it that shows all of itself, in its order.

    None that turns the direction of what follows it, or takes no room (category Cf): people are to know by it whom they
    let in. Raises `FieldInvalid`.
    """
    if any(unicodedata.category(each) == "Cf" for each in checked_text(field, text, longest)):
        raise FieldInvalid(field)
    return text


def checked_user_id(text: str, field: str = "user_id") -> str:
    """A user's id. Raises `FieldInvalid`."""
    if not USER_ID.fullmatch(text):
        raise FieldInvalid(field)
    return text


def check_required(message: Message) -> None:
    """Check a request and the messages in it. Raises `FieldMissing` for the first required field that is empty.

    A field of one of many messages is named with its place: `entries[3].name` is of the fourth.
    """
    required, nested = _plan(message.DESCRIPTOR)
    for field in required:
        value = getattr(message, field.name)
        if not (message.HasField(field.name) if field.has_presence else value):
            raise FieldMissing(field.json_name if field.json_name[0].isupper() else field.name)
    for field in nested:
        if field.is_repeated:
            for place, item in enumerate(getattr(message, field.name)):
                try:
                    check_required(item)
                except FieldMissing as missing:
                    raise FieldMissing(f"{field.name}[{place}].{missing.field}") from missing
        elif message.HasField(field.name):
            check_required(getattr(message, field.name))


@cache
def _plan(descriptor: Descriptor) -> tuple[list[FieldDescriptor], list[FieldDescriptor]]:
    """Required fields of a message, and those that hold messages with required fields of their own."""
    required = [
        field
        for field in descriptor.fields
        if field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    ]
    nested = [
        field
        for field in descriptor.fields
        if field.message_type and not field.message_type.GetOptions().map_entry and any(_plan(field.message_type))
    ]
    return required, nested
