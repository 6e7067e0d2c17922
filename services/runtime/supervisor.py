"""Child processes: started, watched, restarted, and stopped in order.

Each child leads a session of its own, so that Ctrl-C in a terminal reaches the parent alone, and dies when the parent
dies, however it does (`leash`). Used by a service for its workers and by the stack without containers.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

Tell = Callable[[str, str], None]
Probe = Callable[[], Awaitable[bool]]

_LEASH = Path(__file__).with_name("leash.py")
# Seconds before each restart in a row; the last one stays.
_BACK_OFF = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
# A child that lived as long as this begins at the first again.
_STEADY = timedelta(seconds=10)
_PROBE_INTERVAL = timedelta(milliseconds=20)
# `make` passes SIGTERM on, also where its child got it already: two signals this close are one.
_ONE_WISH = timedelta(milliseconds=300)
# A line longer than this is cut, lest a child without line ends fill the memory.
_LONGEST_LINE = 65_536


class ProcessFailed(Exception):
    """A child ended, or was not ready in time, where it was needed."""

    def __init__(self, name: str, how: str) -> None:
        super().__init__(f"{name} {how}")
        self.name = name
        self.how = how


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a child is.

    Args:
        name: short, for people.
        argv: program and arguments.
        env: its whole environment.
        cwd: its working folder; absent: the parent's.
        ready: answers whether it serves; asked again and again after its first start. Absent: it does at once.
        ready_within: how long that may take.
        stop_signal: asks it to end.
        grace: how long it may take to, before SIGKILL.
        orphan_signal: what the kernel sends it when the parent dies.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None
    ready: Probe | None = None
    ready_within: timedelta = timedelta(seconds=30)
    stop_signal: signal.Signals = signal.SIGTERM
    grace: timedelta = timedelta(seconds=10)
    orphan_signal: signal.Signals = signal.SIGKILL


class Supervisor:
    """Keeps children alive until it is told to stop.

    Args:
        tell: takes a child's name and a line: one that the child wrote, or what became of it. Must not raise.
    """

    def __init__(self, tell: Tell) -> None:
        self.stopping = asyncio.Event()
        """Set by the first signal that asks to stop, while `signals` is entered."""
        self._tell = tell
        self._groups: list[list[_Kept]] = []
        self._closing = asyncio.Event()
        self._hurry = asyncio.Event()
        self._asked_at = 0.0

    async def run(self, processes: Iterable[Process]) -> int:
        """Start children, keep them until SIGINT or SIGTERM, and stop them: a whole main program.

        Returns:
            The exit code: 0 after a signal, 1 where a child could not be started.
        """
        with self.signals():
            try:
                if await self.attempt(self.start(*processes)):
                    await self.stopping.wait()
            except (ProcessFailed, OSError) as error:
                self._tell("supervisor", str(error))
                return 1
            finally:
                await self.stop()
        return 0

    async def attempt(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Do some work, or give it up when `stopping` is set.

        Returns:
            Whether it was done. Raises what the work raises.
        """
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
                return True
            return False
        finally:
            stopping.cancel()
            task.cancel()
            await asyncio.wait({task})

    async def start(self, *processes: Process) -> None:
        """Start children together and wait until all of them are ready. From then on one that ends is restarted.

        What is started by one call is stopped together, before what was started earlier.

        Raises:
            ProcessFailed: one ended before it was ready, or took too long. The others run on, until `stop`.
            OSError: one could not be started.
        """
        group: list[_Kept] = []
        self._groups.append(group)
        for process in processes:
            child = await _spawn(process, self._tell)
            group.append(_Kept(process, child, self._keep))
        await together(*(self._until_ready(kept) for kept in group))

    async def once(self, process: Process) -> None:
        """Run a program to its end. Where this is cancelled, the program is stopped.

        Raises:
            ProcessFailed: it ended with another code than 0.
            OSError: it could not be started.
        """
        child = await _spawn(process, self._tell)
        try:
            how = await child.ending()
        finally:
            await child.end(self._hurry)
        if child.code:
            raise ProcessFailed(process.name, how)

    async def stop(self) -> None:
        """Stop every child: those started last first; what does not end within its grace is killed."""
        self._closing.set()
        for group in reversed(self._groups):
            await asyncio.gather(*(kept.child.end(self._hurry) for kept in group))
            # A restart may have been under way: `_keep` ends that child itself.
            await asyncio.gather(*(kept.task for kept in group), return_exceptions=True)
        self._groups.clear()

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and SIGHUP set `stopping`; a second one makes `stop` kill at once."""
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._asked)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _asked(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self.stopping.is_set():
            self.stopping.set()
        elif now - self._asked_at > _ONE_WISH.total_seconds():
            self._hurry.set()
        self._asked_at = now

    async def _until_ready(self, kept: "_Kept") -> None:
        process = kept.process
        try:
            async with asyncio.timeout(process.ready_within.total_seconds()):
                while process.ready and not await process.ready():
                    await asyncio.wait({kept.task}, timeout=_PROBE_INTERVAL.total_seconds())
                    if kept.task.done():
                        await kept.task
        except TimeoutError:
            raise ProcessFailed(process.name, f"was not ready within {process.ready_within.seconds} s") from None
        kept.ready = True

    async def _keep(self, kept: "_Kept") -> None:
        process = kept.process
        row = 0
        while True:
            born = asyncio.get_running_loop().time()
            how = await kept.child.ending()
            if self._closing.is_set():
                return
            if not kept.ready:
                raise ProcessFailed(process.name, how)
            if asyncio.get_running_loop().time() - born >= _STEADY.total_seconds():
                row = 0
            delay = _BACK_OFF[min(row, len(_BACK_OFF) - 1)]
            row += 1
            self._tell(process.name, f"{how}; starting it again" + (f" in {delay:g} s" if delay else ""))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)
            if self._closing.is_set():
                return
            try:
                kept.child = await _spawn(process, self._tell)
            except OSError as error:
                # The ended one stands for it until there is room for another.
                self._tell(process.name, f"cannot be started: {error.strerror}")
                continue
            if self._closing.is_set():
                await kept.child.end(self._hurry)


async def together(*work: Coroutine[Any, Any, Any]) -> None:
    """Run several at once; the first failure cancels the others and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


class _Kept:
    """A process that is restarted, with its child of the moment."""

    def __init__(self, process: Process, child: "_Child", keep: Callable[["_Kept"], Coroutine[Any, Any, None]]) -> None:
        self.process = process
        self.child = child
        self.ready = False
        self.task = asyncio.create_task(keep(self), name=f"keep {process.name}")


class _Child:
    """One running child."""

    def __init__(self, process: Process, running: asyncio.subprocess.Process, relay: asyncio.Task[None]) -> None:
        self._process = process
        self._running = running
        self._relay = relay

    @property
    def code(self) -> int | None:
        return self._running.returncode

    async def ending(self) -> str:
        """Wait for its end, and say in words how it ended, once its last lines are told."""
        code = await self._running.wait()
        # Something that it started may hold its output open still.
        await asyncio.wait({self._relay}, timeout=0.2)
        self._relay.cancel()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    async def end(self, hurry: asyncio.Event) -> None:
        """Ask it to end, and kill it and what it started where it does not, or where there is no time."""
        if self.code is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._running.send_signal(self._process.stop_signal)
        ended = asyncio.create_task(self._running.wait())
        hurried = asyncio.create_task(hurry.wait())
        grace = self._process.grace.total_seconds()
        await asyncio.wait({ended, hurried}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
        await self.ending()


async def _spawn(process: Process, tell: Tell) -> _Child:
    leash = (sys.executable, "-I", "-S", str(_LEASH), str(process.orphan_signal.value), str(os.getpid()))
    # A pipe of our own: asyncio's would make the child's end wait for the end of its output.
    read_end, write_end = os.pipe()
    try:
        running = await asyncio.create_subprocess_exec(
            *leash,
            *process.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            env=dict(process.env),
            cwd=process.cwd,
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    relay = asyncio.create_task(_relay(process.name, read_end, tell), name=f"lines of {process.name}")
    return _Child(process, running, relay)


async def _relay(name: str, read_end: int, tell: Tell) -> None:
    """Tell each line of an output until its end."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        rest = b""
        while chunk := await stream.read(_LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                tell(name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            tell(name, rest.decode(errors="replace"))
    finally:
        transport.close()
