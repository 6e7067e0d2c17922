"""What a browser keeps of who was proven in it: for those alone, for a while, and nothing that it could make itself."""

import base64
from datetime import timedelta

import pytest

from services.account.model.logon import STRANGER
from services.account.pages.known import KNOWN_LIFETIME, KnownSeal
from services.runtime.clock import Clock
from services.runtime.ids import uuid7

SEAL = KnownSeal(b"k" * 32)
NOW = Clock().now()
ANN = ("bj1", "mobile", "+8613900000001")
ENTRY = 48


def known_by(*names: str, kept: str = "") -> str:
    for name in names:
        kept = SEAL.add(kept, "bj1", "mobile", name, uuid7(NOW))
    return kept


def raw(kept: str) -> bytes:
    return base64.urlsafe_b64decode(kept)


def test_it_is_known_by_who_was_proven_and_by_nobody_else() -> None:
    known_id = uuid7(NOW)
    kept = SEAL.add("", *ANN, known_id)
    assert SEAL.find(kept, *ANN, NOW) == known_id
    for other in (
        ("sz1", "mobile", "+8613900000001"),
        ("bj1", "email", "+8613900000001"),
        ("bj1", "mobile", "+8613900000002"),
        ("bj1", "mobil", "e\0+8613900000001"),
        ("", "", ""),
    ):
        assert SEAL.find(kept, *other, NOW) == STRANGER
    assert KnownSeal(b"o" * 32).find(kept, *ANN, NOW) == STRANGER


def test_it_keeps_the_newest_and_each_once() -> None:
    kept = known_by(*(f"n{number}" for number in range(12)), *["n11"] * 3)
    assert len(raw(kept)) == 8 * ENTRY
    known = [SEAL.find(kept, "bj1", "mobile", f"n{number}", NOW) != STRANGER for number in range(12)]
    assert known == [False] * 4 + [True] * 8


def test_who_comes_again_is_known_by_another_id() -> None:
    first = known_by("ann", "ben")
    again = known_by("ann", kept=first)
    assert SEAL.find(first, "bj1", "mobile", "ann", NOW) != SEAL.find(again, "bj1", "mobile", "ann", NOW)
    assert SEAL.find(first, "bj1", "mobile", "ben", NOW) == SEAL.find(again, "bj1", "mobile", "ben", NOW)


@pytest.mark.parametrize(
    ("after", "known"),
    [(-timedelta(days=400), True), (KNOWN_LIFETIME - timedelta(seconds=1), True), (KNOWN_LIFETIME, False)],
)
def test_it_ends_by_what_it_says_itself(after: timedelta, known: bool) -> None:
    kept = SEAL.add("", *ANN, uuid7(NOW))
    assert (SEAL.find(kept, *ANN, NOW + after) != STRANGER) is known


def test_nothing_of_it_can_be_changed() -> None:
    kept = raw(known_by("ann", "ben"))
    ann, ben = kept[ENTRY:], kept[:ENTRY]
    touched = [bytes(byte ^ (place == at) for place, byte in enumerate(ann)) for at in range(ENTRY)]
    # A younger id with an older one's hash, and pieces.
    touched += [ben[:16] + ann[16:], ann[:-1], ann[1:], b"\0" + ann, ann[:16] + b"\0" * 32, ben * 8 + ann]
    for value in touched:
        assert SEAL.find(base64.urlsafe_b64encode(value).decode(), "bj1", "mobile", "ann", NOW) == STRANGER


@pytest.mark.parametrize("kept", ["", "=", "A", "A" * 5_000, "ünknown", "漢" * 20, "\\", '"', "AAAA" * 12])
def test_what_is_none_is_none_and_replaced(kept: str) -> None:
    assert SEAL.find(kept, *ANN, NOW) == STRANGER
    assert SEAL.find(SEAL.add(kept, *ANN, uuid7(NOW)), *ANN, NOW) != STRANGER
    assert len(SEAL.add(kept, *ANN, uuid7(NOW))) <= 8 * ENTRY * 4 // 3
