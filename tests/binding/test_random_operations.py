"""The same random operations on the service and on a small model, compared after every step."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.binding.conftest import PushApps

Account = tuple[str, int]
Entries = list[tuple[str, list[Account]]]

TOKENS = st.sampled_from(["phone", "pad", "watch", "tv"])
ACCOUNTS = st.tuples(st.sampled_from(["alice", "bob", "carol"]), st.sampled_from([0, 1, 65535]))
ENTRIES = st.lists(st.tuples(TOKENS, st.lists(ACCOUNTS, min_size=1, max_size=4)), min_size=1, max_size=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([1, 2, 3]), ENTRIES),
        st.tuples(st.just(4), st.lists(TOKENS, min_size=1, max_size=3)),
        st.tuples(st.just(5), st.lists(ACCOUNTS, min_size=1, max_size=3)),
    ),
    max_size=12,
)


@dataclass
class Model:
    """Who has what, the least recently bound first."""

    cap: int
    adds: bool
    bound: OrderedDict[tuple[str, int], str] = field(default_factory=OrderedDict)

    def do(self, operator: int, listed: list) -> None:
        match operator:
            case 1 | 2:
                for token, accounts in listed:
                    if operator == 2 or not self.adds:
                        self.keep(lambda t, _, token=token: t != token)
                    for name, kind in accounts:
                        self.bound.pop((token, kind), None)
                        self.bound[token, kind] = name
                for account in {(name, kind) for (_, kind), name in self.bound.items()}:
                    for token in self.tokens(account)[self.cap :]:
                        del self.bound[token, account[1]]
            case 3:
                named = {(token, account) for token, accounts in listed for account in accounts}
                self.keep(lambda token, account: (token, account) not in named)
            case 4:
                self.keep(lambda token, _: token not in listed)
            case 5:
                self.keep(lambda _, account: account not in listed)

    def keep(self, wanted: Callable[[str, Account], bool]) -> None:
        for (token, kind), name in list(self.bound.items()):
            if not wanted(token, (name, kind)):
                del self.bound[token, kind]

    def tokens(self, account: Account) -> list[str]:
        """The most recently bound first."""
        return [token for (token, kind), name in reversed(self.bound.items()) if (name, kind) == account]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, cap=st.integers(1, 3), adds=st.booleans())
async def test_service_agrees_with_the_model(
    push_apps: PushApps, steps: list[tuple[int, list]], cap: int, *, adds: bool
) -> None:
    app, model = await push_apps(cap, append_enabled=adds), Model(cap, adds)
    for operator, listed in steps:
        model.do(operator, listed)
        match operator:
            case 4:
                await app.call({"operator_type": 4, "token_list": listed})
            case 5:
                accounts = [{"account": name, "account_type": kind} for name, kind in listed]
                await app.call({"operator_type": 5, "account_list": accounts})
            case _:
                await app.operate(operator, *listed)
        assert await app.rows() == sorted((token, kind, name) for (token, kind), name in model.bound.items())
        for account in {(name, kind) for (_, kind), name in model.bound.items()}:
            assert await app.tokens_of(account) == model.tokens(account)
