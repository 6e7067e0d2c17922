"""The rules that need no database."""

from services.binding.model import Account, Change, Code, Failed, Kind, Row, bound, code_of, good, parts, unbound
from tests.binding.changing import entry

ONE, TWO, ZWEI = Account(1, "one"), Account(2, "two"), Account(2, "zwei")


def rows(token: str, *accounts: Account) -> tuple[Row, ...]:
    return tuple(Row(token, account) for account in accounts)


def test_bound_by_replacing() -> None:
    asked = [entry("phone", ONE, TWO), entry("pad", TWO, ZWEI), entry("phone", ZWEI)]
    assert bound(Kind.REPLACE, asked).units == [rows("pad", ZWEI), rows("phone", ZWEI)]


def test_bound_by_adding() -> None:
    asked = [entry("phone", ONE, TWO), entry("pad", ONE), entry("phone", ZWEI)]
    assert bound(Kind.ADD, asked).units == [rows("phone", ONE), rows("pad", ONE), rows("phone", ZWEI)]


def test_unbound() -> None:
    asked = [Row("phone", ONE), Row(None, ONE), Row("phone", None), Row("phone", ONE)]
    assert unbound(asked).units == [(Row("phone", ONE),), (Row(None, ONE),), (Row("phone", None),)]


def test_nothing() -> None:
    assert bound(Kind.REPLACE, []).units == bound(Kind.ADD, []).units == unbound([]).units == []
    assert parts(unbound([]), 100) == []


def test_good_and_code_of() -> None:
    entries = [ONE, Failed(Code.BAD_ACCOUNT), TWO]
    assert good(entries) == [ONE, TWO]
    assert [code_of(each) for each in entries] == ["0", "1008007", "0"]


def test_parts_need_a_hundred_locks_or_are_one_unit() -> None:
    sizes = [40, 60, 1, 99, 101, 50, 51]
    units = [rows(f"phone{size}", *(Account(kind, "someone") for kind in range(size - 1))) for size in sizes]
    units[2] = (Row(None, ONE),)
    made = parts(Change(Kind.UNBIND, units), 100)
    assert [[len(unit) + (unit[0].token is not None) for unit in part] for part in made] == [
        [40, 60],
        [1, 99],
        [101],
        [50],
        [51],
    ]


def test_an_account_weighs_as_much_as_the_tokens_that_it_may_lose() -> None:
    units = [(Row(None, Account(0, f"person{number}")),) for number in range(100)]
    assert [len(part) for part in parts(Change(Kind.UNBIND, units), 1_000)] == [10] * 10
    assert [len(part) for part in parts(Change(Kind.UNBIND, units), 5)] == [100]
