"""Identities attacked: equal ones meet however they are written, unequal ones never do, and twice changes nothing."""

import functools
import unicodedata

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from services.account.model import MAX_IDENTITY_CHARS, TYPES, Identity, normalise
from services.runtime.errors import FieldInvalid


def example(region: str) -> PhoneNumber | None:
    """A mobile number of a region, where the library has a valid one."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return number if number and phonenumbers.is_valid_number(number) else None


@functools.cache
def examples() -> dict[str, PhoneNumber]:
    """A number of each region that has mobile ones. Made when a test runs: all collect this file."""
    return {region: number for region in sorted(phonenumbers.SUPPORTED_REGIONS) if (number := example(region))}


MISUSED = "\u202e\u200b\u200d\ufeff\u00ad\u0301\u212a\u017f\u0130ßẞςΣﬁ①Å"
texts = st.text(st.one_of(st.characters(exclude_categories=["Cc", "Cs"]), st.sampled_from(MISUSED)), max_size=260)
local_parts = st.text(st.sampled_from("abKkſßsSςσΣİiıÅåéE\u0301_+-9\u212a"), min_size=1, max_size=12)  # noqa: RUF001

domains = st.sampled_from(["corp.com", "Mail.Corp.COM", "bücher.de", "BÜCHER.de", "xn--bcher-kva.de", "例子.cn"])


def key_of(type_: str, given_: str, extra: str = "") -> str | None:
    """The key; `None` where it is no identity of the type."""
    try:
        return normalise(type_, given_, extra).key
    except FieldInvalid:
        return None


@pytest.mark.parametrize("first", sorted({region[0] for region in phonenumbers.SUPPORTED_REGIONS}))
def test_a_number_of_any_country_written_five_ways_is_one(first: str) -> None:
    for region, number in examples().items():
        if region.startswith(first):
            _is_one(number)


def _is_one(number: PhoneNumber) -> None:
    key = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    country = str(number.country_code)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    ways = [(key, ""), (key, country), (international, country), (national, country), (f"00{key[1:]}", "")]
    keys = {normalise("mobile", written, extra).key for written, extra in ways}
    assert keys == {key}
    again = normalise("mobile", key, country)
    assert (again.key, again.extra) == (key, country)


def test_numbers_of_different_countries_are_different() -> None:
    keys = [phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in examples().values()]
    assert len({normalise("mobile", key).key for key in keys}) == len(set(keys)) > 200


@given(
    st.deferred(lambda: st.sampled_from(sorted(examples()))),
    st.integers(0, 9999),
    st.lists(st.sampled_from(["", "", " ", "-", ".", ") ("])),
)
def test_a_number_is_its_digits_whatever_stands_between_them(region: str, last: int, between: list[str]) -> None:
    digits = f"{phonenumbers.format_number(examples()[region], PhoneNumberFormat.E164)[1:-4]}{last:04d}"
    written = "".join(
        digit + (between[place % len(between)] if between else "") for place, digit in enumerate(digits[:-1])
    )
    key = key_of("mobile", f"+{written}{digits[-1]}")
    # Not every number of this length is one.
    assert key == (f"+{digits}" if phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}")) else None)


@given(local_parts, local_parts)
def test_addresses_meet_where_one_is_the_other_in_another_case(one: str, other: str) -> None:
    """Letter by letter: no two mailboxes become one by what is only alike."""
    first, second = (key_of("email", f"{local}@corp.com") for local in (one, other))
    assume(first and second)

    def spelled(local: str) -> str:
        lower = "".join(letter.lower() for letter in unicodedata.normalize("NFC", local))
        return unicodedata.normalize("NFC", lower)

    assert (first == second) == (
        unicodedata.normalize("NFC", spelled(one)) == unicodedata.normalize("NFC", spelled(other))
    )


@given(local_parts, domains)
def test_an_address_twice_changes_nothing(local: str, domain: str) -> None:
    key = key_of("email", f"{local}@{domain}")
    assume(key)
    assert key
    assert normalise("email", key).key == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("groß@corp.com", "gross@corp.com"),
        ("ﬁn@corp.com", "fin@corp.com"),
        ("ann+a@corp.com", "ann@corp.com"),
        ("an.n@corp.com", "ann@corp.com"),
        ("ann@corp.com", "ann@corp.com.cn"),
        ("ann@straße.de", "ann@strasse.de"),
        ("аnn@corp.com", "ann@corp.com"),  # noqa: RUF001 the first letter is Cyrillic
        ("ann@cоrp.com", "ann@corp.com"),  # noqa: RUF001 so is the `o`
    ],
)
def test_addresses_that_are_alike_are_two(one: str, other: str) -> None:
    keys = {key_of("email", one), key_of("email", other)} - {None}
    assert key_of("email", other)
    assert len(keys) == 2 or key_of("email", one) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@bücher.de", "ann@XN--BCHER-KVA.DE"),
        ("ann@bu\u0308cher.de", "ann@bücher.de"),
        ("ann@例子.cn", "ann@xn--fsqu00a.cn"),
        ("ann@ｃｏｒｐ．com", "ann@corp.com"),  # noqa: RUF001 full width, as a Chinese keyboard writes it
        ("ann@corp。com", "ann@corp.com"),
    ],
)
def test_a_domain_is_one_however_it_is_written(one: str, other: str) -> None:
    assert normalise("email", one).key == normalise("email", other).key


@given(texts)
def test_a_member_twice_changes_nothing(text: str) -> None:
    for key in filter(None, (key_of("wechat", text), key_of("wechat", f"ww1:{text}"))):
        assert key_of("wechat", key) == key


@given(st.sampled_from(sorted(set(TYPES) - {"mobile", "email", "wechat"})), texts, texts)
def test_any_other_text_is_itself_but_for_blanks_around_it(type_: str, one: str, other: str) -> None:
    keys = [key_of(type_, each) for each in (one, other)]
    expected = [unicodedata.normalize("NFC", each).strip() for each in (one, other)]
    for key, text in zip(keys, expected, strict=True):
        assert key == (text if 0 < len(text) <= MAX_IDENTITY_CHARS else None)
        for written in (text, f" {text} ", unicodedata.normalize("NFD", text)):
            # However often, and in another form of the same characters.
            assert key_of(type_, written) == key
    if None not in keys:
        assert (keys[0] == keys[1]) == (expected[0] == expected[1])


@given(st.sampled_from(TYPES), texts)
def test_an_identity_is_shown_as_it_was_given(type_: str, text: str) -> None:
    key = key_of(type_, text)
    if key is not None:
        identity = normalise(type_, text)
        assert identity == Identity(type_, key, text, identity.extra)
        assert 0 < len(key) <= MAX_IDENTITY_CHARS
