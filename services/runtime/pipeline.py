"""What happens around every call, in one visible list: `STEPS`.

Each step is awaited, and awaits the next one or hands it on. They are composed once per method, so that a call pays for
a few awaits and nothing else. Streams pass the same steps: the innermost one writes their messages.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from services.runtime import auth, telemetry
from services.runtime.errors import (
    DeadlineExceeded,
    Internal,
    PermissionDenied,
    Refusal,
    RequestMalformed,
    Unavailable,
)
from services.runtime.limits import CallLimits
from services.runtime.tls import Peers
from services.runtime.validation import check_required

log = structlog.get_logger()

# RPCs that are not ours, and who may call them. What is not listed here is refused.
FOREIGN: Mapping[str, auth.Access] = {
    "/grpc.health.v1.Health/": auth.Access(anonymous=True),
    "/grpc.reflection.v1alpha.ServerReflection/": auth.Access(permissions=frozenset(("runtime.reflect",))),
    "/envoy.service.auth.v3.Authorization/": auth.Access(permissions=frozenset(("edge.check",))),
}

# Health checks come every second. A request that the gateway asks about has its line where it goes, or, refused, the
# servicer's.
_QUIET = ("/grpc.health.v1.Health/", "/envoy.service.auth.v3.Authorization/")

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

# A unary call without a deadline of its own gets this one.
_DEADLINE_SECONDS = 30.0


@dataclass(slots=True)
class Call:
    """One call on its way through the steps."""

    method: str
    access: auth.Access
    authenticator: auth.Authenticator
    limits: CallLimits
    context: Context
    metadata: Mapping[str, str]
    streams: "Streams | None"
    denied: "Denied | None" = None
    peers: Peers | None = None
    request: Any = None
    caller: auth.Principal | None = None
    refusal: Refusal | None = None


Denied = Callable[[auth.Principal, str], Awaitable[None]]
"""Told who may not make which call."""

Next = Callable[[Call], Awaitable[Any]]
Step = Callable[[Call, Next], Awaitable[Any]]


async def observe(call: Call, proceed: Next) -> Any:
    """Count and time a call, and write one line, with its request id: who, what, how it ended, how long it took.

    Never a request's content. Those of `_QUIET` have a line where they fail; a stream, which lasts as long as it is
    wanted, is not timed.
    """
    telemetry.take_request_id(call.metadata.get("x-request-id"))
    started = time.perf_counter()
    try:
        return await proceed(call)
    finally:
        seconds = time.perf_counter() - started
        code, reason = (call.refusal.code().name, call.refusal.reason) if call.refusal else ("OK", "")
        telemetry.CALLS.count(call.method, code, reason, None if call.streams else seconds)
        if call.refusal or not call.method.startswith(_QUIET):
            _tell(call, seconds)


def _tell(call: Call, seconds: float) -> None:
    facts: dict[str, Any] = {"method": call.method, "ms": round(seconds * 1000, 2)}
    if call.caller:
        facts |= {"domain": call.caller.domain_id, "kind": call.caller.kind, "caller": call.caller.subject}
    if call.refusal:
        facts |= {"reason": call.refusal.reason, "detail": call.refusal.detail or call.refusal.message}
    log.info("refused" if call.refusal else "answered", **facts)


async def translate_errors(call: Call, proceed: Next) -> Any:
    """Answer a refusal as google.rpc.Status; anything unforeseen as INTERNAL, its text in the log alone."""
    try:
        return await proceed(call)
    except asyncio.CancelledError:
        # The caller's deadline has passed, or it went away; from a stream, callers go when they like.
        call.refusal = None if call.streams else DeadlineExceeded(detail="the caller waits no longer")
        raise
    except Refusal as refusal:
        call.refusal = refusal
        if call.denied and call.caller and isinstance(refusal, PermissionDenied):
            await call.denied(call.caller, call.method)
    except Exception:
        log.exception("fault", method=call.method)
        call.refusal = Internal()
    return await call.context.abort_with_status(rpc_status.to_status(call.refusal.status()))


def keep_deadline(call: Call, proceed: Next) -> Awaitable[Any]:
    """End a unary call that goes on for longer than any may. A caller's own deadline is gRPC's to keep: it cancels."""
    remaining = call.context.time_remaining()
    if call.streams or (remaining is not None and remaining <= _DEADLINE_SECONDS):
        return proceed(call)
    return _in_time(call, proceed)


async def _in_time(call: Call, proceed: Next) -> Any:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await proceed(call)
    except TimeoutError as error:
        raise DeadlineExceeded from error


async def authenticate(call: Call, proceed: Next) -> Any:
    """Verify who connects, who calls, how often, and enforce what the RPC declares; deny unless declared."""
    if call.peers:
        call.peers.check(call.method, call.context.auth_context())
    if not call.access.anonymous:
        call.caller = await call.authenticator.authenticate(call.metadata)
        call.limits.take(call.caller.kind, call.caller.domain_id, call.caller.subject)
        auth.authorize(call.caller, call.access)
        if call.access.fresh:
            await call.authenticator.need_fresh()
    auth.become(call.caller, call.access)
    return await proceed(call)


def validate(call: Call, proceed: Next) -> Awaitable[Any]:
    """Refuse a request that cannot be read, or in which a required field is empty; of a stream, when it is its turn."""
    if isinstance(call.request, Message) or call.request is _UNREADABLE:
        _check(call.request)
    else:
        call.request = _Requests(call.context)
    return proceed(call)


def _check(request: Any) -> None:
    if request is _UNREADABLE:
        raise RequestMalformed
    check_required(request)


class _Requests:
    """The requests of a stream, each of which is read and checked when it is asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __aiter__(self) -> "_Requests":
        return self

    async def __anext__(self) -> Any:
        request = await self._context.read()
        if request is grpc.aio.EOF:
            raise StopAsyncIteration
        _check(request)
        return request


STEPS: tuple[Step, ...] = (observe, translate_errors, keep_deadline, authenticate, validate)
"""Outermost first."""


class Streams:
    """The streams that are open on a server, which would else keep it from stopping."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()
        self._ended = False

    @asynccontextmanager
    async def until_the_end(self) -> AsyncIterator[None]:
        """While a stream waits. Raises `Unavailable` in it when all are ended."""
        if self._ended:
            raise _stopping()
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._open.add(scope)
                yield
        except TimeoutError as error:
            if scope.expired():
                raise _stopping() from error
            raise
        finally:
            self._open.discard(scope)

    def end(self) -> None:
        """End those that are open, and each that begins from now on."""
        self._ended = True
        for scope in self._open:
            scope.reschedule(0)


def _stopping() -> Unavailable:
    return Unavailable("service", detail="it stops")


class Pipeline(grpc.GenericRpcHandler):
    """The methods of a server, with `STEPS` around each.

    A generated `add_…_to_server` takes it in the server's place; the server gets it as its one handler.

    Args:
        services: descriptors of our services on this server; each of their RPCs must declare its access.
        authenticator: verifies credentials.
        denied: told of verified callers who may not do what they asked for; it raises nothing.
        limits: counts the calls of verified callers.
        peers: who may connect; nothing: anybody who can.

    Raises:
        ValueError: an RPC declares no access.
    """

    def __init__(
        self,
        services: Iterable[ServiceDescriptor],
        authenticator: auth.Authenticator,
        denied: Denied | None = None,
        limits: CallLimits | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._access = {
            f"/{service.full_name}/{method.name}": auth.access_of(method)
            for service in services
            if f"/{service.full_name}/" not in FOREIGN
            for method in service.methods
        }
        self._authenticator = authenticator
        self._denied = denied
        self._limits = limits or CallLimits(None)
        self._peers = peers
        self.streams = Streams()
        """What is to be ended before the server is stopped."""
        self._handlers: dict[str, Handler] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Take the methods of a service. Raises `LookupError` where nobody said who may call one."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            access = self._access.get(method) or FOREIGN.get(f"/{service}/")
            if access is None:
                msg = f"{method} is served but nobody said who may call it"
                raise LookupError(msg)
            self._handlers[method] = self._wrap(method, access, handler)

    def add_generic_rpc_handlers(self, _handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Nothing: they are of the same methods."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """The method that is called; of `None` gRPC says UNIMPLEMENTED."""
        return self._handlers.get(handler_call_details.method)

    def _wrap(self, method: str, access: auth.Access, handler: Handler) -> Handler:
        behaviour: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        streams = handler.request_streaming or handler.response_streaming

        def answer(call: Call) -> Awaitable[Any]:
            result: Awaitable[Any] = behaviour(call.request, call.context)
            return result

        async def answer_stream(call: Call) -> Any:
            assert call.streams
            result = behaviour(call.request, call.context)
            if hasattr(result, "__aiter__"):
                return await _write_all(call, result)
            async with call.streams.until_the_end():
                return await result

        chain: Next = answer_stream if streams else answer
        for step in reversed(STEPS):
            chain = _bind(step, chain)

        async def run(request: Any, context: Context) -> Any:
            metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
            open_streams = self.streams if streams else None
            return await chain(
                Call(
                    method,
                    access,
                    self._authenticator,
                    self._limits,
                    context,
                    metadata,
                    open_streams,
                    self._denied,
                    self._peers,
                    request,
                )
            )

        kind: Any = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        wrapped: Handler = kind(run, _readable_or_not(handler.request_deserializer), handler.response_serializer)
        return wrapped


async def _write_all(call: Call, result: AsyncGenerator[Any, None]) -> None:
    """Send a stream's messages while its credential is good. It is closed with the call, whichever way that ends."""
    assert call.streams
    async with aclosing(result) as messages:
        while True:
            # Not while a message is sent: gRPC could not say any more how the call ended.
            async with call.streams.until_the_end():
                message = await anext(messages, _END)
            if message is _END:
                return
            if call.caller:
                await call.authenticator.authenticate(call.metadata)
            await call.context.write(message)


_END = object()
# Stands for a request that no message could be read from; refused inside the steps, as any other.
_UNREADABLE = object()


def _readable_or_not(deserialize: Any) -> Any:
    def read(raw: bytes) -> Any:
        try:
            return deserialize(raw)
        except DecodeError:
            return _UNREADABLE

    return read


def _bind(step: Step, proceed: Next) -> Next:
    # Gives the step's own coroutine: one more around each of them would be passed whenever the call goes on.
    def bound(call: Call) -> Awaitable[Any]:
        return step(call, proceed)

    return bound
