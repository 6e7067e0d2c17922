"""A service process: settings, one server on uvloop, health, reflection, graceful drain.

A service's `__main__.py` hands `run` its settings class and a `wire` function, the one place where its parts meet.
`TESSERA_LISTEN` with several addresses makes as many worker processes, each on its own port.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import grpc
import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from tessera.client import Certificates
from tessera.client.channel import target

from services.runtime import migrations, telemetry, tls
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address, Dsn, SettingsError, load, setting
from services.runtime.errors import Unavailable
from services.runtime.limits import CallLimits
from services.runtime.pipeline import Denied, Pipeline
from services.runtime.readiness import Readiness
from services.runtime.supervisor import Process, Supervisor

log = structlog.get_logger()

R = TypeVar("R")

_METADATA_BYTES = 65_536
# Objects made since the last collection, as many as some hundred calls make.
_COLLECTED_AFTER = 20_000
_FILES = ("TESSERA_LISTEN_FILE", "TESSERA_HEALTH_LISTEN_FILE", "TESSERA_METRICS_LISTEN_FILE")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where a service's data are: all that a migration must know."""

    dsn: Dsn = setting("Postgres of this service, postgresql://...; a pooler may stand between", secret=True)
    direct_dsn: Dsn | None = setting(
        "the same without a pooler, for migrations, partitions and LISTEN; absent: the same", default=None, secret=True
    )


@dataclass(frozen=True, kw_only=True)
class ServerSettings(DatabaseSettings):
    """What every service is told by its environment."""

    listen: tuple[Address, ...] = setting("host:port to serve gRPC on; several, by commas, make a worker process each")
    metrics_listen: tuple[Address, ...] | None = setting(
        "host:port for Prometheus, one a worker; absent: none", default=None
    )
    tls: Path | None = setting(
        "folder of this process's certificate for mTLS: `tls.crt`, with the names spiffe://DOMAIN/SERVICE and SERVICE, "
        "`tls.key`, and `ca.crt`, whose certificates are believed; read again when replaced; absent: plaintext",
        default=None,
    )
    trust_domain: str = setting("DOMAIN in the names of our own processes' certificates", default="tessera")
    peers: tuple[str, ...] = setting(
        "who else may connect by mTLS, beside our own processes: names in their certificates, by commas; "
        "spiffe://DOMAIN/PATH/* is all below",
        default=(),
    )
    health_listen: tuple[Address, ...] | None = setting(
        "host:port, one a worker, where health checks alone are answered, in plaintext: for probes that have no "
        "certificate; absent: none",
        default=None,
    )
    pool_size: int = setting("database connections a worker", default=10, minimum=1, maximum=200)
    statement_timeout: timedelta = setting(
        "seconds that one statement may run", default=timedelta(seconds=5), minimum=0.1, maximum=300
    )
    state_dir: Path = setting("folder for what must outlive the process: the last verification keys")
    max_message_bytes: int = setting("largest request in bytes", default=4_194_304, minimum=65_536)
    lame_duck: timedelta = setting(
        "seconds between saying that it stops serving and refusing calls, so that balancers look elsewhere",
        default=timedelta(seconds=2),
        minimum=0,
        maximum=300,
    )
    drain: timedelta = setting(
        "seconds that calls under way are given at the end", default=timedelta(seconds=5), minimum=0, maximum=300
    )
    calls_per_second: int | None = setting(
        "calls that one caller may make at a worker in a second, our own services left out; absent: any number",
        default=None,
        minimum=1,
        maximum=1_000_000,
    )
    revocations_max_age: timedelta = setting(
        "seconds without word of what is revoked after which calls that give power are refused: admin, link, unlink",
        default=timedelta(seconds=30),
        minimum=1,
        maximum=86_400,
    )
    log_level: str = setting("how much is logged", default="info", choices=("debug", "info", "warning", "error"))
    log_format: str = setting("json for machines, console for people", default="json", choices=("json", "console"))

    def problems(self) -> list[str]:
        """Settings that contradict each other."""
        found = []
        if self.metrics_listen and len(self.metrics_listen) != len(self.listen):
            found.append("TESSERA_METRICS_LISTEN: it must name as many addresses as TESSERA_LISTEN")
        if self.health_listen and len(self.health_listen) != len(self.listen):
            found.append("TESSERA_HEALTH_LISTEN: it must name as many addresses as TESSERA_LISTEN")
        addresses = (*self.listen, *(self.health_listen or ()), *(self.metrics_listen or ()))
        if len(set(addresses)) != len(addresses):
            found.append("TESSERA_LISTEN, TESSERA_HEALTH_LISTEN, TESSERA_METRICS_LISTEN: an address stands twice")
        if self.tls:
            try:
                tls.server_credentials(self.tls)
            except (OSError, ValueError) as error:
                found.append(f"TESSERA_TLS: {error}")
        elif self.peers or self.health_listen:
            found.append("TESSERA_PEERS, TESSERA_HEALTH_LISTEN: of no use without TESSERA_TLS")
        return found


@dataclass(frozen=True, kw_only=True)
class FollowerSettings(ServerSettings):
    """What a service is told that follows the token service's keys."""

    token_address: tuple[Address, ...] = setting(
        "host:port of the token service's workers: IP addresses, by commas, or one host name"
    )

    def problems(self) -> list[str]:
        """Settings that contradict each other; and addresses that gRPC cannot take together."""
        found = super().problems()
        try:
            target(*map(str, self.token_address))
        except ValueError as error:
            found.append(f"TESSERA_TOKEN_ADDRESS: {error}")
        return found

    @property
    def token_tls(self) -> Certificates | None:
        """How token is called: by mTLS where this service speaks it itself."""
        return Certificates(self.tls, "token") if self.tls else None


@dataclass(frozen=True)
class Servicer:
    """One gRPC service on a server: its descriptor, the generated `add_…_to_server`, and what answers."""

    descriptor: ServiceDescriptor
    add: Callable[[Any, Any], None]
    implementation: Any


Served: TypeAlias = tuple[Any, Any, tuple[Callable[[R], Any], ...]]
"""A file of proto/, its stubs, and the classes that answer for its services; each is named as its service."""


def servicers(files: Iterable[Served[R]], resources: R) -> Iterator[Servicer]:
    """What a service serves under its own names: each class made of the service's resources."""
    for file, stubs, makers in files:
        for make in makers:
            implementation = make(resources)
            name = type(implementation).__name__.removesuffix("r")
            add = getattr(stubs, f"add_{name}Servicer_to_server")
            yield Servicer(file.DESCRIPTOR.services_by_name[name], add, implementation)


@dataclass(frozen=True)
class Wiring:
    """A service put together.

    Args:
        servicers: what is served. Those not of Tessera's own packages stand in `pipeline.FOREIGN`.
        authenticator: verifies callers.
        problems: further reasons not to be ready, asked twice a second and more; each answers `None` while all is well.
        denied: told of verified callers who may not do what they asked for.
        callers: processes beside the gateway that call this service: with mTLS, nobody else may connect.
    """

    servicers: Sequence[Servicer]
    authenticator: Authenticator
    problems: Mapping[str, Callable[[], str | None]]
    denied: Denied | None = None
    callers: Sequence[str] = ()


Settings = TypeVar("Settings", bound=ServerSettings)
Wire = Callable[[Any, Database, Clock], AbstractAsyncContextManager[Wiring]]


@dataclass(frozen=True)
class Command:
    """A command of a service beside `serve` and `migrate`.

    Args:
        help: what it does, for `--help`.
        declare: adds its arguments to a parser.
        run: does it, given the service's settings and the arguments; answers the exit code.
    """

    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Any, argparse.Namespace], int]


def run(
    service: str, settings_class: type[Settings], wire: Wire, commands: Mapping[str, Command] | None = None
) -> None:
    """The command line of a service: `serve`, `migrate`, and its own commands. Does not return.

    Args:
        service: its name, which is also its schema's and its package's.
        settings_class: its settings.
        wire: puts it together around an open database.
        commands: further commands, by name.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service}",
        description=f"The {service} service. Settings come from TESSERA_*, see docs/settings.md.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    verbs.add_parser("serve", help="serve gRPC until SIGTERM")
    verbs.add_parser("migrate", help="bring the database schema up to date; safe to run from several places at once")
    further = commands or {}
    for name, command in further.items():
        command.declare(verbs.add_parser(name, help=command.help, description=command.help))
    args = parser.parse_args()
    try:
        if args.verb == "migrate":
            sys.exit(uvloop.run(_migrate(service, load(DatabaseSettings, os.environ))))
        settings = load(settings_class, os.environ)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        sys.exit(2)
    if args.verb == "serve":
        sys.exit(_serve(service, settings, wire))
    # What a command answers goes to standard output, and nothing else.
    telemetry.set_up_logging("warning", settings.log_format, sys.stderr, service=service)
    sys.exit(further[args.verb].run(settings, args))


async def _migrate(service: str, settings: DatabaseSettings) -> int:
    try:
        await migrations.migrate(settings.direct_dsn or settings.dsn, service, migrations.folder_of(service))
    except (Unavailable, migrations.MigrationError) as error:
        print(f"{service}: migration failed: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(service: str, settings: Settings, wire: Wire) -> int:
    if len(settings.listen) > 1:
        return asyncio.run(_supervise(service, settings))
    telemetry.set_up_logging(settings.log_level, settings.log_format, sys.stdout, service=service)
    try:
        return uvloop.run(_serve_one(service, settings, wire))
    except OSError as error:
        print(f"{service}: {error}", file=sys.stderr)
        return 1


async def _supervise(service: str, settings: ServerSettings) -> int:
    """One child process a worker, each on its own address."""
    metrics = settings.metrics_listen or ()
    argv = (sys.executable, "-m", f"services.{service}", "serve")
    workers = []
    for number, address in enumerate(settings.listen):
        # In place of what made this process a supervisor, in either form.
        environ = {name: value for name, value in os.environ.items() if name not in _FILES}
        environ["TESSERA_LISTEN"] = str(address)
        # Who shares something out over all workers has to know how many there are; on several hosts it is set.
        environ.setdefault("TESSERA_WORKERS", str(len(settings.listen)))
        if metrics:
            environ["TESSERA_METRICS_LISTEN"] = str(metrics[number])
        if settings.health_listen:
            environ["TESSERA_HEALTH_LISTEN"] = str(settings.health_listen[number])
        # A worker ends by itself when it has drained.
        grace = settings.lame_duck + settings.drain + timedelta(seconds=5)
        workers.append(Process(name=f"{service}-{number}", argv=argv, env=environ, grace=grace))
    lines = telemetry.Unfailing(sys.stdout)

    def tell(_: str, line: str) -> None:
        lines.write(f"{line}\n")
        lines.flush()

    status: int = await Supervisor(tell).run(workers)
    return status


@asynccontextmanager
async def opened(
    service: str, settings: ServerSettings, wire: Wire, clock: Clock
) -> AsyncIterator[health.aio.HealthServicer]:
    """A server on `settings.listen[0]`, put together and started; drained and taken apart at the end.

    Gives its health service.

    Args:
        service: its name.
        settings: its settings.
        wire: puts it together.
        clock: its clock; tests keep it to move it.

    Raises:
        OSError: the address cannot be listened on, or the state folder not be made.
    """
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(
        settings.dsn,
        service=service,
        pool_size=settings.pool_size,
        statement_timeout=settings.statement_timeout,
        clock=clock,
    )
    await database.start()
    try:
        async with wire(settings, database, clock) as wiring:
            readiness = Readiness(service, database, clock, wiring.problems)
            pipeline = Pipeline(
                (servicer.descriptor for servicer in wiring.servicers),
                wiring.authenticator,
                wiring.denied,
                CallLimits(settings.calls_per_second),
                tls.Peers(settings.trust_domain, wiring.callers, settings.peers) if settings.tls else None,
            )
            server = _server(settings, wiring, readiness.health, pipeline)
            watch = await readiness.begin()
            await server.start()
            try:
                yield readiness.health
            finally:
                watch.cancel()
                await readiness.health.enter_graceful_shutdown()
                pipeline.streams.end()
                await server.stop(settings.drain.total_seconds())
    finally:
        await database.close()


def _server(
    settings: ServerSettings, wiring: Wiring, status: health.aio.HealthServicer, pipeline: Pipeline
) -> grpc.aio.Server:
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),  # a port in use is an error, not a second server behind it
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            # As much as the gateway takes, and no limit below that which refuses some of it by chance.
            ("grpc.max_metadata_size", _METADATA_BYTES),
            ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
        ],
    )
    for servicer in wiring.servicers:
        servicer.add(servicer.implementation, pipeline)
    health_pb2_grpc.add_HealthServicer_to_server(status, pipeline)
    names = [servicer.descriptor.full_name for servicer in wiring.servicers]
    reflected = reflection.aio.ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME])
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, pipeline)
    server.add_generic_rpc_handlers((pipeline,))
    _listen(server, settings.listen[0], tls.server_credentials(settings.tls) if settings.tls else None)
    if settings.health_listen:
        # The same server: the pipeline refuses whatever else comes there, as it has no certificate.
        _listen(server, settings.health_listen[0], None)
    return server


def _listen(server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None) -> None:
    try:
        if credentials:
            server.add_secure_port(str(address), credentials)
        else:
            server.add_insecure_port(str(address))
    except RuntimeError as error:
        msg = f"cannot listen on {address}: is the port in use, is the host this one?"
        raise OSError(msg) from error


async def _serve_one(service: str, settings: ServerSettings, wire: Wire) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if settings.metrics_listen:
        telemetry.serve_metrics(settings.metrics_listen[0])
    async with opened(service, settings, wire, Clock()) as status:
        # What is there now stays: the collector need not look at it again, nor look as often as it does for a script.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)
        log.info("listening", address=str(settings.listen[0]), pid=os.getpid())
        await stopping.wait()
        log.info("stopping")
        # Still serving, but saying otherwise: whoever balances looks elsewhere before calls are refused.
        await status.enter_graceful_shutdown()
        await asyncio.sleep(settings.lame_duck.total_seconds())
    return 0
