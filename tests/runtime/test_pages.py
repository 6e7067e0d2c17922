import base64
from uuid import UUID

import pytest

from services.runtime.errors import FieldInvalid
from services.runtime.pages import bigint, page_size, read_page_token, write_page_token

QUERY = ("ListThings", "bj1", None)
KEY = UUID("01932c07-0000-7000-8000-000000000001")


def test_a_token_leads_to_its_key() -> None:
    token = write_page_token(QUERY, KEY, 7, "söme thing")
    assert read_page_token(token, QUERY, UUID, bigint, str) == (KEY, 7, "söme thing")
    assert read_page_token("", QUERY, UUID) is None


def test_a_token_is_good_for_its_query_alone() -> None:
    token = write_page_token(QUERY, "a")
    for other in (
        ("ListOthers", "bj1", None),
        ("ListThings", "bj2", None),
        ("ListThings", "bj1", "x"),
        ("ListThings",),
    ):
        with pytest.raises(FieldInvalid, match="page_token"):
            read_page_token(token, other, str)


def test_tokens_that_nobody_made() -> None:
    fingerprint = base64.urlsafe_b64decode(write_page_token(QUERY, "xyz"))[:12]
    forged = [fingerprint + text for text in (b"a\nb", b"a\0", b"\xff\xfe", b"a\x1b[2J", b"\xed\xa0\x80", b"x" * 2000)]
    texts = [base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in forged]
    for text in ("x", "a" * 5000, "'; drop table token.app; --", "ä", "AAAA", *texts):
        with pytest.raises(FieldInvalid, match="page_token"):
            read_page_token(text, QUERY, str)


@pytest.mark.parametrize("key", [2**63, "x", "", "1.5"])
def test_a_part_that_is_none(key: object) -> None:
    with pytest.raises(FieldInvalid, match="page_token"):
        read_page_token(write_page_token(QUERY, key), QUERY, bigint)


def test_how_many_rows() -> None:
    assert [page_size(asked) for asked in (0, 1, 1000, 1001, 2**31 - 1)] == [50, 1, 1000, 1000, 1000]
    assert page_size(0, default=10, most=20) == 10
    with pytest.raises(FieldInvalid, match="page_size"):
        page_size(-1)
