"""Identities by example: what is one and the same, and what is none; as properties: test_same_identity."""

import pytest

from services.account.model import mask_mobile, normalise
from services.runtime.errors import FieldInvalid


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
        ("İ" * 32 + "@corp.com", "i\u0307" * 32 + "@corp.com"),
    ],
)
def test_an_address_is_compared_without_case(given: str, key: str) -> None:
    identity = normalise("email", given)
    assert (identity.key, identity.given, identity.extra) == (key, given, "")


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "ann@",
        "@corp.com",
        "ann@corp",
        "a b@corp.com",
        "Ann <ann@corp.com>",
        "ann@[127.0.0.1]",
        "a@b@corp.com",
        '"ann"@corp.com',
        "ann@corp.com\u200b",
        "ann\u202e@corp.com",
        "ann@corp.com, bob@corp.com",
        "ann@corp.com;bob@corp.com",
        "ann@corp.com\nbob@corp.com",
        "ann@.com",
        ".ann@corp.com",
        "ann@-corp.com",
        f"{'a' * 65}@corp.com",
        # Its key, with a dot beside each letter, would be none.
        f"{'İ' * 33}@corp.com",
        f"ann@{'a' * 250}.com",
        "ann@1.2.3.4",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        normalise("email", text)
    assert caught.value.field == "identity"


def test_case_matters_where_nobody_said_it_does_not() -> None:
    assert normalise("ldap", "Ann").key != normalise("ldap", "ann").key


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("ww1A:Li.Si@X-1_a", "ww1A:li.si@x-1_a"),
        (" ww1A:LI.SI@x-1_a ", "ww1A:li.si@x-1_a"),
        ("ww1A:Ann:B", "ww1A:ann:b"),
        # Without a corporation, or not of ASCII, it is none that WeCom proves.
        ("oAnn", "oAnn"),
        ("ww1A:JÖRG", "ww1A:JÖRG"),
    ],
)
def test_a_userid_of_wecom_is_compared_without_case(given: str, key: str) -> None:
    assert normalise("wechat", given).key == key


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
