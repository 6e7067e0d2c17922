"""Messages as XML in the vendor's RPC style (ADR 0046).

An element a field, named as in JSON, zeros printed; a list repeats its element. Python's library escapes; what XML 1.0
cannot hold at all is replaced before.
"""

import re
from xml.etree import ElementTree as ET

from google.api import httpbody_pb2
from google.protobuf.message import Message

CONTENT_TYPE = "text/xml;charset=utf-8"
"""To the letter: the vendor's clients compare it."""

# XML 1.0 section 2.2. A carriage return could stand there, and would be read as a line feed (section 2.11).
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"


def write_document(root: str, message: Message) -> httpbody_pb2.HttpBody:
    """A document of one message.

    Args:
        root: name of the root element.
        message: texts, numbers, messages and lists of these; no maps, bytes or enums.
    """
    text = ET.tostring(_element(root, message), encoding="unicode", short_empty_elements=False)
    document = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return httpbody_pb2.HttpBody(content_type=CONTENT_TYPE, data=document.encode())


def _element(name: str, value: object) -> ET.Element:
    element = ET.Element(name)
    if isinstance(value, Message):
        for field in value.DESCRIPTOR.fields:
            inner = getattr(value, field.name)
            for each in inner if field.is_repeated else [inner]:
                element.append(_element(field.json_name, each))
    else:
        element.text = _UNFIT.sub(_REPLACEMENT, str(value))
    return element
