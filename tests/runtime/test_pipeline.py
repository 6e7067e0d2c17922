"""What every call passes: errors, deadlines, credentials, required fields, logs, metrics."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import pytest_asyncio
import structlog
from google.longrunning import operations_pb2
from prometheus_client import REGISTRY
from tessera.account.v1 import account_service_pb2 as account
from tessera.account.v1 import account_service_pb2_grpc as account_grpc

from services.runtime import auth, pipeline, telemetry
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.errors import FieldInvalid
from tests.support.calls import refused
from tests.support.keys import KEYS, Known, caller
from tests.support.revocations import nothing_revoked
from tests.support.served import serving

SERVICE = account.DESCRIPTOR.services_by_name["AccountService"]
METHOD = f"/{SERVICE.full_name}/UnlinkAccount"
REQUEST = account.UnlinkAccountRequest(user_id="u1", type="custom", identity="hunter2")


@dataclass
class Asked(account_grpc.AccountServiceServicer):
    """Does in its one method what a test wants done."""

    act: Callable[[], Awaitable[Any]]

    async def UnlinkAccount(self, _request: Any, _context: Any) -> account.UnlinkAccountResponse:  # noqa: N802 gRPC's
        await self.act()
        return account.UnlinkAccountResponse()


async def nothing() -> None:
    """The shortest way through."""


@dataclass
class Served:
    """A server with the pipeline around one method."""

    asked: Asked
    stub: Any
    log: io.StringIO

    async def call(self, *permissions: str, **options: Any) -> Any:
        metadata = (*caller(*permissions or ("account.link",)), *options.pop("metadata", ()))
        return await self.stub.UnlinkAccount(options.pop("request", REQUEST), metadata=metadata, **options)

    async def lines(self) -> list[dict[str, Any]]:
        """The log. Its lines are gathered for 20 ms, by a timer that comes before this one."""
        await asyncio.sleep(0.05)
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a process writes in production."""
    stream = io.StringIO()
    telemetry.set_up_logging("info", "json", stream, service="account")
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest_asyncio.fixture
async def served(log: io.StringIO) -> AsyncIterator[Served]:
    asked = Asked(nothing)
    authenticator = Authenticator("account", Known(dict(KEYS)), Clock(), nothing_revoked())
    made = pipeline.Pipeline([SERVICE], authenticator)
    account_grpc.add_AccountServiceServicer_to_server(asked, made)
    async with serving(made) as (_, channel):
        yield Served(asked, account_grpc.AccountServiceStub(channel), log)


async def test_a_call_is_answered_and_logged_once(served: Served) -> None:
    given = str(uuid.uuid4())
    await served.call(metadata=(("x-request-id", given.upper()),))
    (line,) = await served.lines()
    assert line["event"] == "answered"
    assert (line["service"], line["method"], line["request_id"]) == ("account", METHOD, given)
    assert (line["domain"], line["kind"], line["caller"]) == ("one", "service", "u1")
    assert line["ms"] >= 0


async def test_neither_request_nor_credential_is_logged(served: Served) -> None:
    (_, credential), *_ = caller("account.link")
    await served.call()
    assert "hunter2" not in served.log.getvalue()
    assert credential[-20:] not in served.log.getvalue()


@pytest.mark.parametrize("given", ["", "no uuid", "x" * 500])
async def test_a_request_id_is_a_uuid(served: Served, given: str) -> None:
    seen = []

    async def look() -> None:
        seen.append(telemetry.request_id())

    served.asked.act = look
    await served.call(metadata=(("x-request-id", given),))
    assert str(uuid.UUID(seen[0])) == seen[0] == (await served.lines())[0]["request_id"]


async def test_a_refusal_is_a_status_with_its_reason(served: Served) -> None:
    async def refuse() -> None:
        raise FieldInvalid("identity")

    served.asked.act = refuse
    refusal = await refused(served.call())
    assert (refusal.code, refusal.reason, refusal.field) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "identity",
    )
    assert (await served.lines())[-1]["reason"] == "FIELD_INVALID"


async def test_a_fault_tells_the_caller_nothing(served: Served) -> None:
    async def fail() -> None:
        message = "the password is hunter2"
        raise ValueError(message)

    served.asked.act = fail
    refusal = await refused(served.call())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "hunter2" not in refusal.message
    fault, answer = await served.lines()
    assert (fault["event"], answer["reason"]) == ("fault", "INTERNAL")
    assert fault["request_id"] == answer["request_id"]
    assert "ValueError" in fault["exception"]


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def test_the_callers_deadline_ends_the_call(served: Served) -> None:
    served.asked.act = wait_for_ever
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.call(timeout=0.2)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(30):
        while not await served.lines():
            await asyncio.sleep(0.01)
    assert (await served.lines())[0]["reason"] == "DEADLINE_EXCEEDED"


async def test_a_call_without_a_deadline_gets_one(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_DEADLINE_SECONDS", 0.1)
    served.asked.act = wait_for_ever
    refusal = await refused(served.call())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_who_may_call(served: Served) -> None:
    assert (await refused(served.stub.UnlinkAccount(REQUEST))).code == grpc.StatusCode.UNAUTHENTICATED
    assert (await refused(served.call("account.describe"))).code == grpc.StatusCode.PERMISSION_DENIED
    seen = []

    async def look() -> None:
        seen.append(auth.principal().domain_id)

    served.asked.act = look
    await served.call("account.link")
    assert seen == ["one"]


async def test_a_required_field(served: Served) -> None:
    refusal = await refused(served.call(request=account.UnlinkAccountRequest(user_id="u1", type="custom")))
    assert (refusal.reason, refusal.field) == ("FIELD_MISSING", "identity")


async def test_who_may_not_call_is_not_told_what_is_missing(served: Served) -> None:
    refusal = await refused(served.stub.UnlinkAccount(account.UnlinkAccountRequest()))
    assert refusal.code == grpc.StatusCode.UNAUTHENTICATED


async def test_calls_are_counted_by_method_code_and_reason(served: Served) -> None:
    def count(**labels: str) -> float:
        return REGISTRY.get_sample_value("tessera_calls_total", {"method": METHOD, **labels}) or 0.0

    before = count(code="OK", reason=""), count(code="PERMISSION_DENIED", reason="PERMISSION_DENIED")
    await served.call()
    await refused(served.call("account.describe"))
    after = count(code="OK", reason=""), count(code="PERMISSION_DENIED", reason="PERMISSION_DENIED")
    assert after == (before[0] + 1, before[1] + 1)


def test_an_rpc_that_declares_no_access_keeps_its_server_from_starting() -> None:
    undeclared = operations_pb2.DESCRIPTOR.services_by_name["Operations"]
    with pytest.raises(ValueError, match="declares no permission"):
        pipeline.Pipeline([undeclared], Authenticator("account", Known({}), Clock(), nothing_revoked()))


def test_what_nobody_spoke_of_is_not_served() -> None:
    """A service whose methods are added, of which neither it nor `FOREIGN` says who may call them."""
    made = pipeline.Pipeline([], Authenticator("a", Known({}), Clock(), nothing_revoked()))
    with pytest.raises(LookupError, match="nobody said who may call it"):
        account_grpc.add_AccountServiceServicer_to_server(Asked(nothing), made)
