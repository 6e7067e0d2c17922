"""A service process: one server on uvloop, health, reflection, graceful drain.

A service's `wiring.py` has a function `wire`, the one place where its parts meet.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import grpc
import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from services.runtime import telemetry, tls
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address
from services.runtime.limits import CallLimits
from services.runtime.pipeline import Denied, Pipeline
from services.runtime.readiness import Readiness
from services.runtime.settings import ServerSettings

log = structlog.get_logger()

R = TypeVar("R")

_METADATA_BYTES = 65_536
# Objects made since the last collection, as many as some hundred calls make.
_COLLECTED_AFTER = 20_000


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


Wire = Callable[[Any, Database, Clock], AbstractAsyncContextManager[Wiring]]


def serve(service: str, settings: ServerSettings, wire: Wire) -> int:
    """Serve on `settings.listen[0]` until SIGTERM.

    Args:
        service: its name.
        settings: its settings.
        wire: puts it together.

    Returns:
        The process's exit status.
    """
    telemetry.set_up_logging(settings.log_level, settings.log_format, sys.stdout, service=service)
    try:
        return uvloop.run(_serve_one(service, settings, wire))
    except OSError as error:
        print(f"{service}: {error}", file=sys.stderr)
        return 1


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
