"""Who listens where."""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.local.config import HIGHEST, LocalSettings
from deploy.local.errors import CannotRun
from services.runtime.env import Address

SERVICES = ("token", "account", "binding")


@dataclass(frozen=True)
class Layout:
    """The addresses of a stack.

    Args:
        gateway: where the gateway listens.
        app: where the demo app does.
        workers: where each service's workers listen, by service.
        metrics: where the workers' metrics stand, in the same order.
        reached_at: host by which others on this machine reach all of these.
        settings: for each port, the setting that moves it.
    """

    gateway: Address
    app: Address
    workers: dict[str, tuple[Address, ...]]
    metrics: dict[str, tuple[Address, ...]]
    reached_at: str
    settings: dict[int, str]

    @property
    def gateway_url(self) -> str:
        """The gateway as a client on this machine calls it."""
        return f"http://{self.reached_at}:{self.gateway.port}"

    @property
    def app_url(self) -> str:
        """The demo app as a browser on this machine finds it."""
        return f"http://{self.app}"

    @property
    def redirect_uri(self) -> str:
        """Where it is answered."""
        return f"{self.app_url}/callback"

    def peers(self, service: str) -> tuple[Address, ...]:
        """The addresses of a service's workers as others call them."""
        return tuple(Address(self.reached_at, address.port) for address in self.workers[service])


def lay_out(settings: LocalSettings) -> Layout:
    """Give every listener its port.

    Raises:
        CannotRun: two of them would get the same one, or one beyond the last.
    """
    names: dict[int, str] = {}
    problems: list[str] = []

    def take(port: int, name: str) -> Address:
        if port > HIGHEST:
            problems.append(f"{name}: it takes ports up to {port}, the last one is {HIGHEST}")
        elif port in names:
            problems.append(f"{name}: port {port} is taken by {names[port]}")
        names.setdefault(port, name)
        return Address(settings.bind, port)

    def further(service: int) -> Iterator[Address]:
        for number in range(settings.workers - 1):
            yield take(settings.worker_port + service * (settings.workers - 1) + number, "TESSERA_WORKER_PORT")

    gateway = take(settings.gateway_port, "TESSERA_GATEWAY_PORT")
    # Redirect URIs are http on this machine alone.
    app = Address("127.0.0.1", take(settings.app_port, "TESSERA_APP_PORT").port)
    first = {
        "token": take(settings.token_port, "TESSERA_TOKEN_PORT"),
        "account": take(settings.account_port, "TESSERA_ACCOUNT_PORT"),
        "binding": take(settings.binding_port, "TESSERA_BINDING_PORT"),
    }
    workers = {service: (first[service], *further(number)) for number, service in enumerate(SERVICES)}
    metrics = {
        service: tuple(
            # Every service's first worker comes before anybody's second: 9464, 9465, 9466 are the same for any number.
            take(settings.metrics_port + worker * len(SERVICES) + number, "TESSERA_METRICS_PORT")
            for worker in range(settings.workers)
        )
        for number, service in enumerate(SERVICES)
    }
    if problems:
        raise CannotRun(*problems)
    reached_at = "127.0.0.1" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104 compared, not bound
    return Layout(gateway, app, workers, metrics, reached_at, names)


@contextlib.contextmanager
def held(layout: Layout, bind: str) -> Iterator[None]:
    """Try every port, and keep each for its server. Envoy would share one that is in use, and answer half of the calls.

    The kernel may give a port that nobody has bound to a connection that goes out. What asks again and again whether a
    service listens yet is given the very port that it asks for, one day; it meets itself, and the service cannot
    listen.

    Raises:
        CannotRun: with a line for each that is in use, or that may not be listened on.
    """
    with contextlib.ExitStack() as probes:
        problems = []
        for port, name in layout.settings.items():
            probe = probes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            # As servers do it: what was just closed does not count as in use, nor what is bound and does not listen.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                moved_by = "TESSERA_BIND" if error.errno == errno.EADDRNOTAVAIL else name
                problems.append(f"cannot listen on {bind}:{port}: {reason}; {moved_by} moves it")
        if problems:
            raise CannotRun(*problems)
        if sys.platform != "linux":
            probes.close()  # nobody could listen beside them
        yield
