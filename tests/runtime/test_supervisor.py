"""The supervisor, with real children."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from services.runtime.supervisor import Process, ProcessFailed, Supervisor

ROOT = Path(__file__).parents[2]
SLEEPER = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


class Lines(list[tuple[str, str]]):
    """What the supervisor told."""

    def take(self, name: str, line: str) -> None:
        self.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for who, line in self if who == name]

    async def until(self, met: Callable[["Lines"], bool]) -> None:
        async with asyncio.timeout(15):
            while not met(self):
                await asyncio.sleep(0.01)

    def pids(self, name: str) -> list[int]:
        return [int(line.split()[1]) for line in self.of(name) if line.startswith("pid ")]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
async def supervisor(lines: Lines) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(lines.take)
    yield supervisor
    await supervisor.stop()


def python(code: str, name: str = "child", **more: object) -> Process:
    return Process(name=name, argv=(sys.executable, "-c", code), env=dict(os.environ), **more)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(30):
        while not all(gone(pid) for pid in pids):
            await asyncio.sleep(0.01)


async def test_tells_the_lines_of_both_outputs_under_the_name(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.once(python("import sys; print('out'); sys.stderr.write('no line end')", name="who"))
    assert sorted(lines) == [("who", "no line end"), ("who", "out")]


async def test_cuts_a_line_without_end(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.once(python("print('x' * 1_000_000)"))
    assert "".join(lines.of("child")) == "x" * 1_000_000
    assert max(len(line) for line in lines.of("child")) <= 131_072


async def test_a_program_that_fails_says_how(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessFailed, match="child ended with code 3"):
        await supervisor.once(python("raise SystemExit(3)"))
    with pytest.raises(ProcessFailed, match="child was ended by SIGKILL"):
        await supervisor.once(python("import os; os.kill(os.getpid(), 9)"))


async def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor, lines: Lines) -> None:
    with pytest.raises(ProcessFailed, match="ghost ended with code 1"):
        await supervisor.start(Process(name="ghost", argv=("/nowhere/ghost",), env={}, ready=never))
    assert lines.of("ghost") == ["/nowhere/ghost: No such file or directory"]


async def never() -> bool:
    return False


async def test_a_program_that_is_given_up_is_stopped(supervisor: Supervisor, lines: Lines) -> None:
    task = asyncio.create_task(supervisor.once(python(SLEEPER)))
    await lines.until(lambda told: bool(told.pids("child")))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert gone(lines.pids("child")[0])


async def test_waits_until_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    async def ready() -> bool:
        return (tmp_path / "ready").exists()

    code = f"import time; time.sleep(0.3); open({str(tmp_path / 'ready')!r}, 'w'); time.sleep(60)"
    await supervisor.start(python(code, ready=ready))
    assert await ready()


async def test_a_child_that_ends_before_it_is_ready_fails_the_start(supervisor: Supervisor, lines: Lines) -> None:
    with pytest.raises(ProcessFailed, match="child ended with code 4"):
        await supervisor.start(python("raise SystemExit(4)", ready=never))
    assert lines.of("child") == []


async def test_a_child_that_is_never_ready_fails_the_start(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessFailed, match="child was not ready within 0 s"):
        await supervisor.start(python(SLEEPER, ready=never, ready_within=timedelta(milliseconds=300)))


async def test_a_killed_child_is_started_again_at_once(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.start(python(SLEEPER))
    await lines.until(lambda told: len(told.pids("child")) == 1)
    os.kill(lines.pids("child")[0], signal.SIGKILL)
    await lines.until(lambda told: len(told.pids("child")) == 2)
    # Where it waits, it says how long.
    assert lines.of("child")[1:-1] == ["was ended by SIGKILL; starting it again"]


async def test_a_child_that_keeps_ending_is_started_ever_later(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.start(python("raise SystemExit(1)"))
    await lines.until(lambda told: len(told.of("child")) == 4)
    assert lines.of("child") == [
        "ended with code 1; starting it again",
        "ended with code 1; starting it again in 0.25 s",
        "ended with code 1; starting it again in 0.5 s",
        "ended with code 1; starting it again in 1 s",
    ]


async def test_stop_waits_for_no_restart(supervisor: Supervisor, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.runtime.supervisor._BACK_OFF", (60,))
    await supervisor.start(python("raise SystemExit(1)"))
    await lines.until(lambda told: told.of("child") == ["ended with code 1; starting it again in 60 s"])
    async with asyncio.timeout(15):
        await supervisor.stop()


async def test_stops_the_last_started_first(supervisor: Supervisor, lines: Lines) -> None:
    code = """
import signal, sys, time
def end(*_):
    print("ending", flush=True)
    time.sleep(0.2)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
    await supervisor.start(python(code, name="first"))
    await supervisor.start(python(code, name="second"), python(code, name="third"))
    await lines.until(lambda told: len(told) == 3)
    await supervisor.stop()
    ends = [name for name, line in lines if line == "ending"]
    assert sorted(ends[:2]) == ["second", "third"]
    assert ends[2] == "first"
    assert "starting it again" not in "".join(line for _, line in lines)


async def test_kills_what_does_not_end_in_its_grace(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.start(python(STUBBORN, grace=timedelta(milliseconds=300)))
    await lines.until(bool)
    begun = time.monotonic()
    await supervisor.stop()
    # Without a grace of its own it is 10 s.
    assert 0.25 < time.monotonic() - begun < 8


async def test_a_child_hears_no_signal_of_the_terminal(supervisor: Supervisor, lines: Lines) -> None:
    await supervisor.start(python(SLEEPER))
    await lines.until(lambda told: bool(told.pids("child")))
    pid = lines.pids("child")[0]
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(0)


PARENT = """
import asyncio, os, signal, sys
# Tests may run under nohup, which those below inherit.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from services.runtime.supervisor import Process, Supervisor
child = Process(name="child", argv=(sys.executable, "-c", sys.argv[1]), env=dict(os.environ))
tell = lambda name, line: print(line, flush=True)
sys.exit(asyncio.run(Supervisor(tell).run([child, child])))
"""


@contextlib.contextmanager
def parent(code: str) -> "contextlib._GeneratorContextManager[tuple[subprocess.Popen[str], list[str]]]":  # type: ignore[misc]
    """A program that supervises two children, each of which has told one line."""
    with subprocess.Popen([sys.executable, "-c", PARENT, code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process, [process.stdout.readline() for _ in range(2)]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all(number: signal.Signals) -> None:
    with parent(SLEEPER) as (process, told):
        process.send_signal(number)
        assert process.wait(30) == 0
        assert all(gone(int(line.split()[1])) for line in told)


def test_a_second_signal_makes_haste_but_a_double_one_does_not() -> None:
    with parent(STUBBORN) as (process, _):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(6) == 0


async def test_children_die_with_a_killed_parent() -> None:
    with parent(STUBBORN.replace("'deaf'", "'pid', __import__('os').getpid()")) as (process, told):
        process.kill()
        await until_gone(*(int(line.split()[1]) for line in told))
