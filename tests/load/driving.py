"""A run: every scenario, over gRPC and then through the gateway, at rising rates."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import Layout
from services.runtime.supervisor import Supervisor, Tell
from tests.load import cpu, ghz, wrk
from tests.load.minting import Mint, Values
from tests.load.results import GRPC, REST, Driven, Step
from tests.load.scenarios import Scenario

# Unmeasured calls before a scenario's first step: statements are prepared and connections open when that begins.
_WARM_UP_CALLS = 20
_WARM_UP_RATE = 50


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Args:
        scenarios: what is called.
        rates: calls a second, in this order.
        seconds: how long a step takes, where the rate is reached.
        workers: processes of each service.
    """

    scenarios: Sequence[Scenario]
    rates: Sequence[int]
    seconds: float
    workers: int

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.scenarios) * 2 * len(self.rates)

    def calls(self, rate: int) -> int:
        """Calls of a step."""
        return max(1, round(rate * self.seconds))


class Run:
    """Drives one running stack.

    Args:
        layout: where the stack is, which this process started.
        mint: makes what calls spend there.
        folder: for the generators' files.
        tell: takes the generators' lines.
    """

    def __init__(self, layout: Layout, mint: Mint, folder: Path, tell: Tell) -> None:
        self._layout = layout
        self._mint = mint
        self._folder = folder
        self._supervisor = Supervisor(tell)

    async def steps(
        self, plan: Plan, minted: Callable[[str, int, int], None], begins: Callable[[str, str, int], None]
    ) -> AsyncIterator[Step]:
        """Measure, a step at a time.

        Args:
            plan: what is to be measured.
            minted: told for a scenario how many things are made of how many.
            begins: told scenario, surface and rate of a step that begins.
        """
        for scenario in plan.scenarios:
            for surface in (GRPC, REST):
                warm_up = await self.mint(scenario, _WARM_UP_CALLS, minted)
                await self.drive(scenario, surface, warm_up, _WARM_UP_RATE)
                for rate in plan.rates:
                    begins(scenario.name, surface, rate)
                    # Just before they are spent: a code or an assertion lives minutes.
                    values = await self.mint(scenario, plan.calls(rate), minted)
                    before = cpu.read()
                    driven = await self.drive(scenario, surface, values, rate)
                    yield Step(scenario.name, surface, rate, driven, cpu.since(before))

    async def mint(self, scenario: Scenario, calls: int, minted: Callable[[str, int, int], None]) -> list[Values]:
        """Make what so many calls of a scenario spend."""
        total = calls * self._mint.makings(scenario.placeholders)
        made = 0

        def advance(more: int) -> None:
            nonlocal made
            made += more
            minted(scenario.name, made, total)

        return await self._mint.make(scenario.placeholders, calls, advance)

    async def drive(self, scenario: Scenario, surface: str, values: Sequence[Values], rate: int) -> Driven:
        """Make a call for each of the values, with a credential of its own for all of them."""
        if surface == GRPC:
            return await ghz.drive(
                self._supervisor,
                self._folder,
                scenario.rpc,
                [scenario.message(each) for each in values],
                rate=rate,
                addresses=self._layout.peers(scenario.service),
                authorization=await self._mint.authorization(scenario.grpc_credential),
            )
        authorization = await self._mint.authorization(scenario.rest.credential)
        host = self._layout.gateway_url.removeprefix("http://")
        return await wrk.drive(
            self._folder,
            self._layout.gateway_url,
            [scenario.http(each, host, authorization) for each in values],
            rate=rate,
            dialect=scenario.rest.dialect,
        )
