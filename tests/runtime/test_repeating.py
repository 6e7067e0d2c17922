"""Work behind the calls."""

import asyncio

import pytest

from services.runtime.repeating import repeat


async def test_a_step_that_fails_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("services.runtime.repeating._AFTER_A_FAULT_SECONDS", 0.01)
    rounds = 0
    done = asyncio.Event()

    async def step() -> float:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            message = "unforeseen"
            raise LookupError(message)
        if rounds == 3:
            done.set()
        return 0.01

    task = repeat("tests", step)
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    assert "unforeseen" in capsys.readouterr().out


async def test_the_first_round_may_wait() -> None:
    rounds = []

    async def step() -> float:
        rounds.append(1)
        return 60

    task = repeat("tests", step, after=60)
    await asyncio.sleep(0.05)
    task.cancel()
    assert rounds == []
