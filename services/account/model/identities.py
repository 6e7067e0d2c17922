"""Identities and their links, and the pure rules about them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

import email_validator
import phonenumbers

from services.runtime.errors import FieldInvalid

TYPES = ("mobile", "email", "ding", "ram", "wechat", "ldap", "custom")
"""Types of identities, as they stand on the wire."""

MAX_IDENTITY_CHARS = 255

_DEFAULT_COUNTRY_CODE = "86"
_COUNTRY_CODE = re.compile(r"[1-9][0-9]{0,2}")
# What people put between digits. The library would also read letters as digits, and cut a number out of a sentence.
_DIALLED = re.compile(r"\+?[0-9 ().-]+|\(\+[0-9]+\)[0-9 ().-]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity as it was given, and the key by which it is compared: equal keys are one identity.

    `extra` is a mobile number's country code, digits alone; empty for other types.
    """

    type: str
    key: str
    given: str
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An identity linked to a user. `display_name` is empty where the identity has none of its own."""

    domain_id: str
    type: str
    identity: str
    extra: str
    user_id: str
    display_name: str
    created_at: datetime
    last_login_at: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class PlacedLink:
    """A link, and the key of its identity, by which listings have their order."""

    key: str
    link: Link


def normalise(type_: str, given: str, extra: str = "") -> Identity:
    """Find the key of an identity. Normalising a key gives the same key.

    Args:
        type_: one of `TYPES`.
        given: the identity as the caller wrote it, 1 to 255 characters, no control characters.
        extra: country code of a mobile number, digits alone; empty: 86, unless the number carries its own. Not looked
            at for other types.

    Raises:
        FieldInvalid: the type does not have such an identity; names the field at fault.
    """
    if type_ == "mobile":
        return _mobile(given, extra)
    if type_ == "email":
        return Identity(type_, _email_key(given), given)
    key = unicodedata.normalize("NFC", given).strip()
    if type_ == "wechat":
        key = _wechat_key(key)
    # NFC lengthens a few characters, and an index entry has its limit.
    if not 0 < len(key) <= MAX_IDENTITY_CHARS:
        raise FieldInvalid("identity")
    return Identity(type_, key, given)


def shown(of: Identity | Link) -> str:
    """An identity as people know it: a mobile number in its international form, all else as it was given."""
    given = of.identity if isinstance(of, Link) else of.given
    if of.type != "mobile":
        return given
    try:
        number = phonenumbers.parse(given, _region(of.extra))
    except phonenumbers.NumberParseException:
        # It was one by the rules of another release.
        return given
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def is_mobile(identity: Identity) -> bool:
    """Whether a number is one that gets messages, as far as numbers tell: those of some countries do not."""
    kind = phonenumbers.number_type(phonenumbers.parse(identity.key))
    return kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


def compact(typed: str) -> str:
    """Digits and letters as somebody typed or pasted them: of half width, with nothing between them."""
    text = unicodedata.normalize("NFKC", typed)
    # Blanks, dashes and what cannot be seen, as some address books put around a number.
    return "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cf", "Pd", "Zs"))


def _region(country_code: str) -> str:
    return phonenumbers.region_code_for_country_code(int(country_code or _DEFAULT_COUNTRY_CODE))


def _wechat_key(member: str) -> str:
    """Corporation and userid: the latter is "not case sensitive", and of ASCII (WeCom's document 90195)."""
    corp_id, colon, user_id = member.partition(":")
    return corp_id + colon + (user_id.lower() if user_id.isascii() else user_id)


def _mobile(given: str, extra: str) -> Identity:
    if extra and not _COUNTRY_CODE.fullmatch(extra):
        raise FieldInvalid("extra")
    # Full-width digits and signs are what a Chinese keyboard writes.
    text = unicodedata.normalize("NFKC", given).strip()
    if not _DIALLED.fullmatch(text):
        raise FieldInvalid("identity")
    try:
        number = phonenumbers.parse(text, _region(extra))
    except phonenumbers.NumberParseException:
        raise FieldInvalid("identity") from None
    if not phonenumbers.is_valid_number(number):
        raise FieldInvalid("identity")
    country_code = str(number.country_code)
    if extra and country_code != extra:
        raise FieldInvalid("extra", "The input parameters extra and identity name different countries.")
    return Identity(
        "mobile", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), given, country_code
    )


def _email_key(given: str) -> str:
    """Local part without case, domain in ASCII: mail systems that tell `Ann` from `ann` are not told apart."""
    try:
        address = email_validator.validate_email(given.strip(), check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        raise FieldInvalid("identity") from None
    # Letter by letter and no further: case folding would make one mailbox of `groß` and `gross`, which have two owners.
    local = unicodedata.normalize("NFC", "".join(map(str.lower, address.local_part)))
    key = f"{local}@{address.ascii_domain.lower()}"
    # `İ` is longer in lower case: what then is too long for an address is none, as it is the second time.
    return _email_key(key) if len(local) > len(address.local_part) else key
