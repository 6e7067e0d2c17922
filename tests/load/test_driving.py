"""Real generators at a real stack: what they spend is spent once, and what they answer is read as it was."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from services.runtime.supervisor import ProcessFailed
from services.token.identities import Identities
from tests.load import cpu, ghz, minting, wrk
from tests.load.driving import Run
from tests.load.minting import SPENT, Mint
from tests.load.results import GRPC, REST
from tests.load.scenarios import read_all
from tests.support.ports import free_ports
from tests.support.stack import running_stack

pytestmark = pytest.mark.skipif(
    not (ghz.find() and wrk.find()), reason="ghz (`make .venv/.tools`, with Go) or wrk (a system's package) is missing"
)

SCENARIOS = {scenario.name: scenario for scenario in read_all()}
# Their answers say what went wrong in the words of each dialect. Nothing of it exists.
WRONG = {
    "token_refresh_token": ({"refresh_token": "none"}, "INVALID_ARGUMENT", "400 invalid_grant"),
    "get_link_info": ({"known_identity": "none"}, "NOT_FOUND", "404 NotFound.AccountLink"),
    "describe_open_account": ({"identity_id": "none"}, "NOT_FOUND", "404 EntityNotExist.OpenAccount"),
    "query_accounts_2": ({"known_token": "none"}, "NOT_FOUND", "ret_code 10110008: "),
    "get_jwks": ({"domain_id": "none"}, "NOT_FOUND", "404"),
}


@dataclass(frozen=True)
class Running:
    stack: Stack
    mint: Mint
    run: Run


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with (
        running_stack(tmp_path_factory.mktemp("stack")) as (stack, _),
        minting.opened(stack.layout, Identities.read(stack.home.identities)) as mint,
    ):
        folder = tmp_path_factory.mktemp("load")
        yield Running(stack, mint, Run(stack.layout, mint, folder, lambda name, line: print(f"{name}: {line}")))


def unheard(*_: object) -> None:
    """Told how much is made."""


def test_every_kind_of_process_is_found(running: Running) -> None:
    # Whoever has started has computed.
    assert [kind for kind, seconds in cpu.read().items() if not seconds and kind != cpu.GENERATOR] == []


async def test_what_is_spent_is_made_anew_for_each_call(running: Running) -> None:
    calls = 45
    told: list[int] = []
    made = await running.mint.make(set(SPENT), calls, told.append)
    for name in set(SPENT) - {"linked_user_id"}:
        assert len({values[name] for values in made}) == calls, name
    assert sum(told) == calls * running.mint.makings(set(SPENT))
    again = await running.mint.make(set(SPENT), calls, unheard)
    assert not {values["unique"] for values in made} & {values["unique"] for values in again}


@pytest.mark.parametrize("surface", [GRPC, REST])
async def test_each_session_is_refreshed_once(running: Running, surface: str) -> None:
    scenario, calls = SCENARIOS["token_refresh_token"], 60
    values = await running.run.mint(scenario, calls, unheard)
    before = cpu.read()
    driven = await running.run.drive(scenario, surface, values, 100)
    spent = cpu.since(before)
    assert (driven.answered, driven.errors) == (calls, {})
    assert 0 < driven.p50 <= driven.p95 <= driven.p99
    assert 0 < driven.reached <= 110
    assert spent["token"] > 0
    assert spent["postgres"] > 0
    # A refresh token that is shown again within its grace is answered again, and counted.
    database = await asyncpg.connect(Postgres(running.stack.home, os.environ).dsn("token"))
    try:
        sessions = await database.fetch(
            "select generation, grace_uses from token.session where client_id = $1 and generation > 1",
            values[0]["jwt_client_id"],
        )
        await database.execute("delete from token.session where client_id = $1", values[0]["jwt_client_id"])
    finally:
        await database.close()
    assert [tuple(session) for session in sessions] == [(2, 0)] * calls


@pytest.mark.parametrize("name", WRONG)
async def test_errors_are_counted_by_code(running: Running, name: str) -> None:
    scenario, (wrong, status, rest_code) = SCENARIOS[name], WRONG[name]
    good, bad = await running.run.mint(scenario, 2, unheard)
    for surface, code in ((GRPC, status), (REST, rest_code)):
        driven = await running.run.drive(scenario, surface, [good, bad | wrong, bad | wrong], 50)
        (told, count), *others = driven.errors.items()
        assert (driven.answered, count, others) == (3, 2, [])
        # On /v3 the words come behind.
        assert told.startswith(code) if code.startswith("ret_code") else told == code
        assert driven.unexpected == driven.errors
        assert driven.example
        if surface == GRPC and scenario.placeholders & set(SPENT):
            good, bad = await running.run.mint(scenario, 2, unheard)


async def test_several_workers_share_the_calls(running: Running, tmp_path: Path) -> None:
    scenario = SCENARIOS["batch_operate_accounts_4"]
    values = await running.run.mint(scenario, 7, unheard)
    requests = [scenario.message(each) for each in values]
    address = running.stack.layout.peers("binding")[0]
    authorization = await running.mint.authorization("push")
    driven = await ghz.drive(
        running.run._supervisor,
        tmp_path,
        scenario.rpc,
        requests,
        rate=50,
        addresses=(address, address),
        authorization=authorization,
    )
    assert (driven.answered, driven.errors) == (7, {})
    sent = [json.loads((tmp_path / f"data-{number}.json").read_text()) for number in (0, 1)]
    assert [len(share) for share in sent] == [4, 3]
    assert sorted(map(json.dumps, sent[0] + sent[1])) == sorted(map(json.dumps, requests))


async def test_a_gateway_that_is_away_is_told(tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    with pytest.raises(ProcessFailed, match="unable to connect"):
        await wrk.drive(tmp_path, f"http://127.0.0.1:{free_ports(1)[0]}", [request], rate=1, dialect="oauth")
