"""BatchOperateAccounts over gRPC: the five operators and their rules."""

from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps


async def test_overwrite_replaces_accounts_of_every_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("old", 0), ("old-mail", 1005), ("old-qq", 991)]))
    assert await push_app.bind(("phone", [("new", 3)])) == ["0"]
    assert await push_app.rows() == [("phone", 3, "new")]


async def test_one_account_of_a_type_the_later_wins(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["first", ("mail", 5), "second"]))
    assert await push_app.rows() == [("phone", 0, "second"), ("phone", 5, "mail")]


async def test_of_two_entries_of_a_token_the_later_wins(push_app: PushApp) -> None:
    codes = await push_app.bind(("phone", [("one", 1)]), ("other", ["someone"]), ("phone", [("two", 2)]))
    assert codes == ["0", "0", "0"]
    assert await push_app.rows() == [("other", 0, "someone"), ("phone", 2, "two")]


async def test_operator_1_acts_as_2(push_app: PushApp) -> None:
    await push_app.operate(1, ("phone", [("one", 1)]))
    assert await push_app.operate(1, ("phone", [("two", 2)])) == ["0"]
    assert await push_app.rows() == [("phone", 2, "two")]


async def test_operator_1_adds_where_the_app_is_set_up_so(push_apps: PushApps) -> None:
    app = await push_apps(append_enabled=True)
    await app.operate(1, ("phone", [("one", 1), ("two", 2)]))
    await app.operate(1, ("phone", [("zwei", 2), ("three", 3)]))
    assert await app.rows() == [("phone", 1, "one"), ("phone", 2, "zwei"), ("phone", 3, "three")]
    assert await app.tokens_of(("two", 2)) == []


async def test_operator_1_adds_both_entries_of_a_token(push_apps: PushApps) -> None:
    app = await push_apps(append_enabled=True)
    await app.operate(1, ("phone", [("one", 1), ("two", 2)]), ("phone", [("zwei", 2)]))
    assert await app.rows() == [("phone", 1, "one"), ("phone", 2, "zwei")]


async def test_operator_2_replaces_also_where_operator_1_adds(push_apps: PushApps) -> None:
    app = await push_apps(append_enabled=True)
    await app.operate(1, ("phone", [("one", 1)]))
    await app.bind(("phone", [("two", 2)]))
    assert await app.rows() == [("phone", 2, "two")]


async def test_unbind_matches_account_and_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("same", 0), ("same", 7)]), ("pad", [("same", 7)]))
    assert await push_app.operate(3, ("phone", [("same", 7)])) == ["0"]
    assert await push_app.rows() == [("pad", 7, "same"), ("phone", 0, "same")]


async def test_unbind_leaves_another_account_of_that_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["present"]))
    assert await push_app.operate(3, ("phone", ["absent"])) == ["0"]
    assert await push_app.rows() == [("phone", 0, "present")]


async def test_unbind_of_two_entries_of_a_token_does_both(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("one", 1), ("two", 2), ("three", 3)]))
    assert await push_app.operate(3, ("phone", [("one", 1)]), ("phone", [("three", 3)])) == ["0", "0"]
    assert await push_app.rows() == [("phone", 2, "two")]


async def test_clear_tokens(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("one", 1), ("two", 2)]), ("pad", ["someone"]), ("kept", ["someone"]))
    answer = await push_app.call({"operator_type": 4, "token_list": ["phone", "pad", "phone"]})
    assert answer == {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0", "0", "0"]}
    assert await push_app.rows() == [("kept", 0, "someone")]


async def test_clear_accounts_matches_account_and_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["someone"]), ("pad", [("someone", 7), ("other", 8)]), ("watch", ["someone"]))
    answer = await push_app.call({"operator_type": 5, "account_list": [{"account": "someone"}]})
    assert answer == {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0"]}
    assert await push_app.rows() == [("pad", 7, "someone"), ("pad", 8, "other")]


async def test_removing_what_is_not_bound_succeeds(push_app: PushApp) -> None:
    assert await push_app.operate(3, ("nobody", ["nothing"])) == ["0"]
    assert (await push_app.call({"operator_type": 4, "token_list": ["nobody"]}))["result"] == ["0"]
    assert (await push_app.call({"operator_type": 5, "account_list": [{"account": "nothing"}]}))["result"] == ["0"]
    assert await push_app.rows() == []


async def test_default_account_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["mine", ("zero", 0), ("other", 9)]), account_type=7)
    assert await push_app.rows() == [("phone", 0, "zero"), ("phone", 7, "mine"), ("phone", 9, "other")]
    await push_app.operate(3, ("phone", ["mine"]))
    assert len(await push_app.rows()) == 3
    await push_app.operate(3, ("phone", ["mine"]), account_type=7)
    assert len(await push_app.rows()) == 2
    await push_app.call({"operator_type": 5, "account_list": [{"account": "other"}], "account_type": 9})
    assert await push_app.rows() == [("phone", 0, "zero")]


async def test_repeating_a_call_changes_nothing(push_app: PushApp) -> None:
    entries = ("phone", [("one", 1), ("two", 2)]), ("pad", ["someone"])
    await push_app.bind(*entries)
    before = await push_app.rows()
    assert await push_app.bind(*entries) == ["0", "0"]
    assert await push_app.rows() == before


async def test_cap_unbinds_the_least_recently_bound(push_apps: PushApps) -> None:
    app = await push_apps(cap=2)
    for token in ("first", "second", "third"):
        await app.bind((token, ["someone", (f"own-of-{token}", 1)]))
    assert await app.tokens_of("someone") == ["third", "second"]
    # The evicted token loses that account alone.
    assert await app.tokens_of(("own-of-first", 1)) == ["first"]


async def test_cap_within_one_call_keeps_the_last_of_the_request(push_apps: PushApps) -> None:
    app = await push_apps(cap=2)
    names = ["m", "a", "z", "b"]
    assert await app.bind(*[(token, ["someone"]) for token in names]) == ["0"] * 4
    assert await app.tokens_of("someone") == ["b", "z"]


async def test_cap_counts_an_account_and_type(push_apps: PushApps) -> None:
    app = await push_apps(cap=1)
    await app.bind(("phone", [("someone", 1)]), ("pad", [("someone", 2)]))
    assert len(await app.rows()) == 2


async def test_binding_again_makes_a_token_the_most_recent(push_apps: PushApps) -> None:
    app = await push_apps(cap=2)
    for token in ("first", "second", "first", "third"):
        await app.bind((token, ["someone"]))
    assert await app.tokens_of("someone") == ["third", "first"]


async def test_adding_respects_the_cap(push_apps: PushApps) -> None:
    app = await push_apps(cap=2, append_enabled=True)
    for token in ("first", "second", "third"):
        await app.operate(1, (token, ["someone"]))
    assert await app.tokens_of("someone") == ["third", "second"]


async def test_a_device_that_moves_is_not_reached_through_the_previous_person(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("+8613800000000", 1002), ("alice@example.com", 1005)]))
    await push_app.bind(("phone", [("+8613900000000", 1002)]))
    assert await push_app.tokens_of(("+8613800000000", 1002)) == []
    assert await push_app.tokens_of(("alice@example.com", 1005)) == []
    assert await push_app.tokens_of(("+8613900000000", 1002)) == ["phone"]


async def test_apps_share_nothing(push_apps: PushApps) -> None:
    one, other = await push_apps(cap=1), await push_apps(cap=1)
    await one.bind(("phone", ["someone"]))
    await other.bind(("phone", ["someone"]), ("pad", ["someone"]))
    await other.call({"operator_type": 5, "account_list": [{"account": "someone"}]})
    assert await one.rows() == [("phone", 0, "someone")]
    assert await other.rows() == []


async def test_twenty_tokens_of_a_hundred_accounts(push_app: PushApp) -> None:
    entries = [(f"token{n}", [(f"account{n}-{kind}", kind) for kind in range(100)]) for n in range(20)]
    assert await push_app.bind(*entries) == ["0"] * 20
    assert len(await push_app.rows()) == 2000
    answer = await push_app.call({"operator_type": 4, "token_list": [f"token{n}" for n in range(1000)]})
    assert answer["result"] == ["0"] * 1000
    assert await push_app.rows() == []


async def test_a_thousand_accounts(push_app: PushApp) -> None:
    await push_app.bind(*[(f"token{n}", [f"account{n}"]) for n in range(20)])
    listed = [{"account": f"account{n}"} for n in range(1000)]
    answer = await push_app.call({"operator_type": 5, "account_list": listed})
    assert answer["result"] == ["0"] * 1000
    assert await push_app.rows() == []
