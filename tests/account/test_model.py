"""Identities: what is one and the same, what is not, and what is none."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.account.model import TYPES, mask_mobile, normalise
from services.runtime.errors import FieldInvalid

EXACT = tuple(set(TYPES) - {"mobile", "email"})

# Every prefix that China Mobile's 139 numbers may go on with.
chinese = st.integers(0, 99_999_999).map(lambda number: f"139{number:08d}")
local_parts = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,20}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda text: ".." not in text
)
domains = st.sampled_from(["corp.com", "Mail.Corp.COM", "bücher.de", "BÜCHER.de", "xn--bcher-kva.de", "例子.cn"])
addresses = st.builds("{}@{}".format, local_parts, domains)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=85).filter(str.strip)


@pytest.mark.parametrize(
    "spelling",
    [
        "13900001234",
        "139 0000 1234",
        "+86 139-0000-1234",
        "008613900001234",
        "8613900001234",
        "(+86) 139 0000 1234",
        "１３９００００１２３４",  # noqa: RUF001 full width, as a Chinese keyboard writes it
        "＋８６　139.0000.1234",  # noqa: RUF001
        "  13900001234  ",
    ],
)
def test_a_mobile_number_is_one_identity_however_it_is_written(spelling: str) -> None:
    identity = normalise("mobile", spelling)
    assert (identity.key, identity.extra) == ("+8613900001234", "86")
    assert identity.given == spelling
    assert normalise("mobile", spelling, "86") == identity


@pytest.mark.parametrize(
    ("number", "extra", "key"),
    [
        ("4165550123", "1", "+14165550123"),  # Canada shares its code with the United States
        ("07400 123456", "44", "+447400123456"),
        ("+852 6123 4567", "", "+85261234567"),  # its own country, not the default one
        ("+852 6123 4567", "852", "+85261234567"),
        ("338 123 4567", "39", "+393381234567"),
    ],
)
def test_a_mobile_number_of_another_country(number: str, extra: str, key: str) -> None:
    identity = normalise("mobile", number, extra)
    assert identity.key == key
    assert key.startswith(f"+{identity.extra}")


@pytest.mark.parametrize(
    ("number", "extra", "field"),
    [
        ("12345", "", "identity"),
        ("139000012345678", "", "identity"),
        ("13900001234 ext. 5", "", "identity"),
        ("call 13900001234", "", "identity"),
        ("1390000CALL", "", "identity"),
        ("13900001234;phone-context=+1", "", "identity"),
        ("++8613900001234", "", "identity"),
        ("+", "", "identity"),
        ("eyy***", "", "identity"),
        ("13900001234", "1", "identity"),
        ("+8613900001234", "852", "extra"),
        ("13900001234", "+86", "extra"),
        ("13900001234", "086", "extra"),
        ("13900001234", "８６", "extra"),  # noqa: RUF001
        ("13900001234", "999", "identity"),
        ("13900001234", "86 ", "extra"),
    ],
)
def test_no_mobile_number(number: str, extra: str, field: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        normalise("mobile", number, extra)
    assert caught.value.field == field


@given(chinese, st.sampled_from(["{}", "+86{}", "0086 {}", "86{}", " {} "]))
def test_mobile_twice_changes_nothing(number: str, spelling: str) -> None:
    once = normalise("mobile", spelling.format(number))
    assert once.key == f"+86{number}"
    assert normalise("mobile", once.key, once.extra).key == once.key


@given(chinese, chinese)
def test_mobile_numbers_meet_only_where_they_are_equal(one: str, other: str) -> None:
    assert (normalise("mobile", one).key == normalise("mobile", other).key) == (one == other)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("Ann.Smith@Corp.COM", "ann.smith@corp.com"),
        ("  ann.smith@corp.com ", "ann.smith@corp.com"),
        ("ann@BÜCHER.de", "ann@xn--bcher-kva.de"),
        ("ann@xn--bcher-kva.de", "ann@xn--bcher-kva.de"),
        ("ann+shop@corp.com", "ann+shop@corp.com"),
        ("JÖRG@corp.com", "jörg@corp.com"),
        ("JO\u0308RG@corp.com", "jörg@corp.com"),
    ],
)
def test_an_address_is_compared_without_case(given: str, key: str) -> None:
    identity = normalise("email", given)
    assert (identity.key, identity.given, identity.extra) == (key, given, "")


@pytest.mark.parametrize(
    "text",
    ["ann", "ann@", "@corp.com", "ann@corp", "a b@corp.com", "Ann <ann@corp.com>", "ann@[127.0.0.1]", "a@b@corp.com"],
)
def test_no_address(text: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        normalise("email", text)
    assert caught.value.field == "identity"


@given(addresses)
def test_address_twice_changes_nothing(address: str) -> None:
    once = normalise("email", address).key
    assert normalise("email", once).key == once


@given(local_parts, local_parts, domains)
def test_addresses_meet_only_where_they_are_equal_but_for_case(one: str, other: str, domain: str) -> None:
    meet = normalise("email", f"{one}@{domain}").key == normalise("email", f"{other}@{domain}").key
    assert meet == (one.lower() == other.lower())


@given(st.sampled_from(EXACT), names)
def test_other_identities_are_exact(type_: str, name: str) -> None:
    once = normalise(type_, name)
    assert once.key == unicodedata.normalize("NFC", name).strip()
    assert once.given == name
    assert normalise(type_, once.key).key == once.key
    assert normalise(type_, unicodedata.normalize("NFD", name)).key == once.key
    assert normalise(type_, f" {name} ").key == once.key


@given(names, names)
def test_other_identities_meet_only_where_they_are_equal(one: str, other: str) -> None:
    equal = unicodedata.normalize("NFC", one).strip() == unicodedata.normalize("NFC", other).strip()
    assert (normalise("custom", one).key == normalise("custom", other).key) == equal


def test_case_matters_where_nobody_said_it_does_not() -> None:
    assert normalise("ldap", "Ann").key != normalise("ldap", "ann").key


def test_extra_is_a_mobile_numbers_alone() -> None:
    assert normalise("ding", "13900001234", "nonsense").extra == ""


@pytest.mark.parametrize("text", ["  ", "\U0001d160" * 255])
def test_nothing_and_too_much_are_no_identity(text: str) -> None:
    """The second is a musical note, which NFC writes as three characters."""
    with pytest.raises(FieldInvalid):
        normalise("custom", text)


@pytest.mark.parametrize(
    ("mobile", "shown"), [("13900001234", "1390000****"), ("1234", "****"), ("12", "****"), ("", "")]
)
def test_mask_mobile(mobile: str, shown: str) -> None:
    assert mask_mobile(mobile) == shown
