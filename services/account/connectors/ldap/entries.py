"""What is asked of a directory's entries, and what is read out of them."""

import re
import uuid

from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.conv import escape_filter_chars

from services.account.connectors.ldap.directory import Entry
from services.account.connectors.strangers import name_of
from services.runtime.validation import has_control

NAME = "{name}"
"""In a filter, what the person typed."""

ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;-]*")
"""The name of an attribute, with its options (RFC 4512 section 2.5)."""

_GUID_BYTES = 16


class UnfitEntryError(Exception):
    """An entry that gives no identity; the text says why, and has no value in it."""


def filter_problem(template: str) -> str:
    """What is wrong with a filter, in a sentence; empty: nothing."""
    if NAME not in template:
        return f"The filter has no {NAME} in it: it would not look at what was typed."
    if not all("=" in assertion for assertion in _before_names(template)):
        # Else who logs on would choose the attribute, too.
        return f"In the filter, {NAME} stands where no value does."
    try:
        compile_filter(parse_filter(template.replace(NAME, "x"), None, False, False, None, False).elements[0])
    except (LDAPException, ValueError, LookupError, TypeError, AttributeError):
        return "The filter cannot be read: it is to be one as RFC 4515 has it."
    return ""


def person_filter(template: str, name: str) -> str:
    """The filter by which a person is found.

    Args:
        template: one without a `filter_problem`.
        name: what was typed; whatever it has in it, it is a value there and nothing else (RFC 4515 section 3).
    """
    return template.replace(NAME, escape_filter_chars(name))


def sample_filter(template: str) -> str:
    """A filter that finds people of any name; empty: none can be made of this one."""
    for assertion in _before_names(template):
        # Approximate, ordered and extensible matches know no asterisk.
        if assertion.partition("=")[0].endswith(("~", "<", ">", ":")):
            return ""
    return re.sub(r"\*+", "*", template.replace(NAME, "*"))


def _before_names(template: str) -> list[str]:
    """For each name in a filter, the beginning of the assertion that it stands in: `(&(a=b)(uid=x` gives `uid=x`."""
    return [re.split("[()]", template[: found.start()])[-1] for found in re.finditer(re.escape(NAME), template)]


def identity_of(entry: Entry, attribute: str) -> str:
    """What identifies an entry, as it stands there; Active Directory's `objectGUID`, which is binary, as a UUID.

    Its first three parts are little-endian (MS-DTYP section 2.3.4), so this is how Windows shows it.

    Raises:
        UnfitEntryError: there is not exactly one value, or it is no text.
    """
    values = entry.values(attribute)
    if len(values) != 1:
        msg = f"The entry {entry.dn} has {len(values)} values of {attribute}, and is to have one."
        raise UnfitEntryError(msg)
    text = _text(attribute, values[0])
    if not text or has_control(text):
        msg = f"The entry {entry.dn} has no text in {attribute}."
        raise UnfitEntryError(msg)
    return text


def _text(attribute: str, value: bytes) -> str:
    """Empty where it is none. What is binary is told by the attribute alone: some binary values read as text."""
    if attribute.lower() == "objectguid":
        return str(uuid.UUID(bytes_le=value)) if len(value) == _GUID_BYTES else ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""


def shown_name(entry: Entry, attribute: str) -> str:
    """What a person is called; empty where the entry does not say."""
    for value in entry.values(attribute):
        try:
            name = name_of(value.decode())
        except UnicodeDecodeError:
            continue
        if name:
            return name
    return ""
