"""How many calls a second a caller may make."""

import grpc
import pytest
from tessera.account.v1 import account_service_pb2 as account
from tessera.account.v1 import account_service_pb2_grpc as account_grpc

from services.runtime import limits
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.errors import RateLimited
from services.runtime.limits import CallLimits
from services.runtime.pipeline import Pipeline
from tests.support.calls import Metadata, bearer, refused
from tests.support.keys import KEYS, Known, claims, signed
from tests.support.revocations import nothing_revoked
from tests.support.served import serving

USER = ("user", "one", "ann")


class Time:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _taken(counted: CallLimits, caller_: tuple[str, str, str], tries: int) -> int:
    """How many of some calls were let through."""
    done = 0
    for _ in range(tries):
        try:
            counted.take(*caller_)
        except RateLimited:
            continue
        done += 1
    return done


def test_as_many_as_it_may_and_more_with_time() -> None:
    time = Time()
    counted = CallLimits(10, time)
    assert _taken(counted, USER, 25) == 10
    time.now += 0.5
    assert _taken(counted, USER, 25) == 5
    time.now += 3600
    assert _taken(counted, USER, 25) == 10


def test_callers_are_counted_apart() -> None:
    counted = CallLimits(3, Time())
    assert _taken(counted, USER, 5) == 3
    assert _taken(counted, ("user", "one", "bob"), 5) == 3
    assert _taken(counted, ("access_key", "two", "ann"), 5) == 3


def test_our_own_services_and_a_limit_that_is_absent_let_all_through() -> None:
    assert _taken(CallLimits(3, Time()), ("service", "one", "account"), 50) == 50
    assert _taken(CallLimits(None), USER, 50) == 50


def test_no_more_callers_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_CALLERS", 10)
    counted = CallLimits(1, Time())
    for number in range(100):
        counted.take("user", "one", str(number))
    assert len(counted._buckets) == 10
    # The latest are those that are known.
    assert _taken(counted, ("user", "one", "99"), 1) == 0


def _caller(subject: str) -> Metadata:
    permissions = ("account.link",)
    return bearer(signed(claims(Clock(), kind="access_key", customJson=None, permissions=permissions, sub=subject)))


async def test_a_call_too_many_is_refused_before_anything_is_done() -> None:
    asked = []

    class Answering(account_grpc.AccountServiceServicer):
        async def UnlinkAccount(  # noqa: N802 gRPC's
            self, request: account.UnlinkAccountRequest, _: object
        ) -> account.UnlinkAccountResponse:
            asked.append(request.user_id)
            return account.UnlinkAccountResponse()

    service = account.DESCRIPTOR.services_by_name["AccountService"]
    authenticator = Authenticator("account", Known(dict(KEYS)), Clock(), nothing_revoked())
    pipeline = Pipeline([service], authenticator, limits=CallLimits(2, Time()))
    account_grpc.add_AccountServiceServicer_to_server(Answering(), pipeline)
    async with serving(pipeline) as (_, channel):
        stub = account_grpc.AccountServiceStub(channel)
        request = account.UnlinkAccountRequest(user_id="u", type="custom", identity="someone")
        ann, bob = (_caller(who) for who in ("ann", "bob"))
        for _ in range(2):
            await stub.UnlinkAccount(request, metadata=ann)
        refusal = await refused(stub.UnlinkAccount(request, metadata=ann), "RATE_LIMITED")
        assert refusal.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        # Who is not believed counts against nobody; and nobody else is held up.
        await refused(stub.UnlinkAccount(request), "UNAUTHENTICATED")
        await stub.UnlinkAccount(request, metadata=bob)
    assert len(asked) == 3
