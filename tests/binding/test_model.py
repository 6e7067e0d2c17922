"""The rules that need no database."""

from services.binding.model import Account, Code, Failed, TokenAccounts, batches, bound_by, code_of, good, unbound_by

ONE, TWO, ZWEI = Account(1, "one"), Account(2, "two"), Account(2, "zwei")


def entry(token: str, *accounts: Account) -> TokenAccounts:
    return TokenAccounts(token, accounts)


def test_bound_by_replacing() -> None:
    asked = [entry("phone", ONE, TWO), entry("pad", TWO, ZWEI), entry("phone", ZWEI)]
    assert bound_by(asked, adds=False) == [entry("pad", ZWEI), entry("phone", ZWEI)]


def test_bound_by_adding() -> None:
    asked = [entry("phone", ONE, TWO), entry("pad", ONE), entry("phone", ZWEI)]
    assert bound_by(asked, adds=True) == [entry("pad", ONE), entry("phone", ONE, ZWEI)]


def test_unbound_by() -> None:
    asked = [entry("phone", ONE, ONE), entry("pad", ONE), entry("phone", TWO, ZWEI, ONE)]
    assert unbound_by(asked) == [entry("phone", ONE, TWO, ZWEI), entry("pad", ONE)]


def test_nothing() -> None:
    assert bound_by([], adds=False) == bound_by([], adds=True) == unbound_by([]) == list(batches([], len)) == []


def test_good_and_code_of() -> None:
    entries = [ONE, Failed(Code.BAD_ACCOUNT), TWO]
    assert good(entries) == [ONE, TWO]
    assert [code_of(each) for each in entries] == ["0", "1008007", "0"]


def test_batches_need_a_hundred_locks_or_hold_one_item() -> None:
    sizes = [40, 60, 1, 99, 101, 50, 51]
    assert list(batches(sizes, lambda size: size)) == [[40, 60], [1, 99], [101], [50], [51]]
