"""Containers without an engine: their commands, run on this machine with the environment that they would have.

Nothing is changed but what an engine would provide: host names and ports are those of this machine, mounted folders
stand elsewhere. A process finds nothing in its environment but what image and file give it; it runs as the image's user
where the test may change users; and it can write nothing but what is mounted for that.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.images import OURS, Image, moved
from tests.support.ports import free_ports

_ADDRESS = re.compile(r"(?P<host>[a-z0-9.-]+):(?P<port>\d{2,5})\b")
_OWN = ("0.0.0.0", "127.0.0.1", "localhost")
# Docker hands on the way out that its user has; nothing here may take it.
_PROXIES = dict.fromkeys(("http_proxy", "https_proxy"), "http://192.0.2.1:3128")


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a file says of one container.

    Args:
        name: the host name by which others reach it.
        image: what it is run from.
        arguments: in place of the image's `cmd`.
        environment: beside the image's.
        mounts: folders of this machine, by the path at which they stand in the container.
        grace: seconds that it has to end.
    """

    name: str
    image: Image
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]
    grace: float


@dataclass
class Host:
    """Where containers run.

    Args:
        folder: for their output.
        names: every host name that they may call each other by.
    """

    folder: Path
    names: Sequence[str]
    _ports: dict[tuple[str, int], int] = field(default_factory=dict)
    _running: dict[str, tuple[Container, "subprocess.Popen[bytes]"]] = field(default_factory=dict)

    def port(self, name: str, port: int) -> int:
        """Where a port of a container's is on this machine."""
        if (name, port) not in self._ports:
            self._ports[name, port] = free_ports(1)[0]
        return self._ports[name, port]

    def start(self, container: Container) -> None:
        """Start it with its own command."""
        command = (*container.image.entrypoint, *container.arguments)
        self._running[container.name] = (container, self._spawn(container, command))

    def run(self, container: Container) -> None:
        """Run it to its end, which must be a good one."""
        self.execute(container, (*container.image.entrypoint, *container.arguments))

    def execute(self, container: Container, command: Sequence[str]) -> None:
        """Run a command inside, which must succeed."""
        assert self._spawn(container, command).wait(timeout=60) == 0, self.said(container)

    def succeeds(self, container: Container, command: Sequence[str]) -> bool:
        """Whether a command inside does."""
        return self._spawn(container, command).wait(timeout=60) == 0

    def until(self, container: Container, met: Callable[[], bool]) -> None:
        """Wait for something that a running container must come to."""
        _, process = self._running[container.name]
        end = time.monotonic() + 60
        while not met():
            assert process.poll() is None, self.said(container)
            assert time.monotonic() < end, self.said(container)
            time.sleep(0.5)

    def stop(self, name: str) -> None:
        """Stop a container as an engine does: the signal, and no longer than its grace."""
        container, process = self._running.pop(name)
        end = time.monotonic() + container.grace
        assert process.poll() is None, self.said(container)
        process.send_signal(signal.Signals[container.image.stop_signal])
        try:
            assert process.wait(timeout=end - time.monotonic()) == 0, self.said(container)
        finally:
            process.kill()

    def stop_all(self) -> None:
        """Stop all that run at once, each as `stop` does."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.stop, list(self._running)))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Whatever still runs at the end is killed."""
        try:
            yield
        finally:
            for _, process in self._running.values():
                process.kill()
                process.wait()

    def said(self, container: Container) -> str:
        """Everything that a container has printed."""
        return self._log(container).read_text(encoding="utf-8")

    def environment(self, container: Container) -> dict[str, str]:
        """All that its process finds."""
        given = {**container.image.env, **container.environment}
        return _PROXIES | {name: self.here(container, value) for name, value in given.items()}

    def here(self, container: Container, text: str) -> str:
        """A text of a container's with the paths, hosts and ports that they are on this machine."""
        places = {path: f"{container.image.root}{path}" for path in OURS}
        text = moved(text, places | {path: str(folder) for path, folder in container.mounts.items()})

        def address(found: re.Match[str]) -> str:
            host = container.name if found["host"] in _OWN else found["host"]
            known = host in self.names
            return f"127.0.0.1:{self.port(host, int(found['port']))}" if known else found[0]

        return _ADDRESS.sub(address, text)

    def _spawn(self, container: Container, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        argv = [self.here(container, word) for word in command]
        image = container.image
        with self._log(container).open("ab") as log:
            return subprocess.Popen(
                [*as_user(image.user), *argv],
                cwd=image.moved(image.workdir),
                env=self.environment(container),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _log(self, container: Container) -> Path:
        return self.folder / f"{container.name}.log"


def as_user(user: str) -> tuple[str, ...]:
    """What runs a command as a user who may do nothing more; nothing where this process is not root's.

    He may look into any folder: this machine's Python may stand in one that is root's alone.
    """
    if os.getuid() != 0:
        return ()
    assert shutil.which("setpriv"), "setpriv (util-linux) is missing"
    uid, _, gid = user.partition(":")
    look = "-all,+dac_read_search"
    return (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid or uid}",
        "--clear-groups",
        "--no-new-privs",
        f"--inh-caps={look}",
        f"--ambient-caps={look}",
        f"--bounding-set={look}",
    )


def writable(folder: Path, user: str) -> Path:
    """A folder that a user of a container's may write."""
    folder.mkdir(parents=True)
    if os.getuid() == 0:
        uid, _, gid = user.partition(":")
        os.chown(folder, int(uid), int(gid or uid))
    return folder
