"""What becomes of a link while its user, the token service or account itself goes: between the link and the Token."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from tessera.account.v1 import user_data_service_pb2

from services.account.model import normalise
from services.account.store import Store
from services.runtime.env import Address
from tests.account.gate import Gate, gated
from tests.account.linking import linked
from tests.account.running import Account
from tests.account.test_link_account import until_linked
from tests.account.with_token import Services, account_of, unused, unused_mobile
from tests.support.calls import SERVING, refused, until_health
from tests.support.ports import free_ports


@dataclass(frozen=True)
class Between:
    """Account behind a gate to token."""

    services: Services
    gate: Gate
    store: Store
    dsn: str

    def link(self, user_id: str, identity: str, type_: str = "custom", **more: object) -> "asyncio.Task[object]":
        """A call that gets as far as the gate."""
        self.gate.close()
        return asyncio.create_task(self._link(user_id, identity, type_, **more))

    async def _link(self, *args: object, **more: object) -> object:
        return await self.services.link(*args, **more)  # type: ignore[arg-type]

    async def linked(self, identity: str, type_: str = "custom") -> str:
        """Wait until a call stands at the gate; whose the identity is by then."""
        async with asyncio.timeout(20):
            await self.gate.waiting.wait()
        link = await self.store.select_link("bj1", normalise(type_, identity))
        assert link
        return link.user_id

    async def merge(self, source: str, target: str) -> None:
        """MergeUsers."""
        caller = await self.services.token.caller("account.link", "token.user.write")
        request = user_data_service_pb2.MergeUsersRequest(from_user_id=source, into_user_id=target)
        await self.services.account.user_data.MergeUsers(request, metadata=caller)

    async def live_sessions(self, user_id: str) -> int:
        """Sessions of a user at token that go on, whether or not the user is there."""
        async with self.services.token.database() as database:
            count: int = await database.fetchval(
                "select count(*) from token.session"
                " where domain_id = 'bj1' and user_id = $1 and revoked_at is null and expires_at > now()",
                user_id,
            )
        return count


@pytest_asyncio.fixture(scope="module")
async def between(
    services: Services, store: Store, account_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Between]:
    token = services.token
    async with (
        gated(token.settings.listen[0]) as (gate, address),
        account_of(
            token.settings, token.made, account_dsn, tmp_path_factory.mktemp("gated"), reached_at=address
        ) as account,
    ):
        behind = Between(replace(services, account=account), gate, store, account_dsn)
        await until_linked(behind.services, await token.user(), unused())
        yield behind


@pytest.fixture(autouse=True)
def open_gate(between: Between) -> None:
    between.gate.lost.clear()
    between.gate.late.clear()
    between.gate.go.set()


@pytest.fixture(params=["before token", "after token"])
def moment(request: pytest.FixtureRequest, between: Between) -> None:
    """When a call stands at the gate: its session is to begin, or has begun."""
    if request.param == "after token":
        between.gate.late.set()


async def test_a_user_who_is_disabled_meanwhile_gets_no_token(between: Between) -> None:
    user_id, identity = await between.services.token.user(), unused()
    call = between.link(user_id, identity)
    assert await between.linked(identity) == user_id
    await between.services.token.set_status(user_id, "disabled")
    between.gate.go.set()
    refusal = await refused(call, "LINK_USER_REFUSED")
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert await between.services.sessions(user_id) == 0


async def test_a_user_who_is_deleted_meanwhile_gets_no_token(between: Between) -> None:
    user_id, identity = await between.services.token.user(), unused()
    call = between.link(user_id, identity)
    assert await between.linked(identity) == user_id
    await between.services.token.delete_user(user_id)
    between.gate.go.set()
    await refused(call, "NOT_FOUND_LINK_USER")
    assert await between.live_sessions(user_id) == 0


async def test_a_user_who_is_deleted_after_its_session_began_has_none(between: Between) -> None:
    user_id, identity = await between.services.token.user(), unused()
    between.gate.late.set()
    call = between.link(user_id, identity)
    assert await between.linked(identity) == user_id
    assert await between.live_sessions(user_id) == 1
    await between.services.token.delete_user(user_id)
    # Account is told of it, and takes the link away.
    async with asyncio.timeout(20):
        while await between.store.select_link("bj1", normalise("custom", identity)):
            await asyncio.sleep(0.05)
    between.gate.go.set()
    await refused(call, "NOT_FOUND_LINK")
    assert await between.live_sessions(user_id) == 0


@pytest.mark.usefixtures("moment")
async def test_what_a_merge_moves_meanwhile_gives_no_token(between: Between) -> None:
    user_id, other, identity = await between.services.token.user(), await between.services.token.user(), unused()
    call = between.link(user_id, identity)
    assert await between.linked(identity) == user_id
    await between.merge(user_id, other)
    between.gate.go.set()
    refusal = await refused(call, "IDENTITY_TAKEN")
    assert other not in refusal.message
    assert await between.linked(identity) == other
    assert await between.live_sessions(user_id) == await between.live_sessions(other) == 0


@pytest.mark.usefixtures("moment")
async def test_what_is_taken_away_meanwhile_gives_no_token(between: Between) -> None:
    user_id, identity = await between.services.token.user(), unused()
    call = between.link(user_id, identity)
    await between.linked(identity)
    await between.services.unlink(user_id, identity)
    between.gate.go.set()
    await refused(call, "NOT_FOUND_LINK")
    assert await between.services.links_of(user_id) == []
    assert await between.live_sessions(user_id) == 0


@pytest.mark.usefixtures("moment")
async def test_what_is_linked_to_another_meanwhile_gives_no_token(between: Between) -> None:
    user_id, other, identity = await between.services.token.user(), await between.services.token.user(), unused()
    call = between.link(user_id, identity)
    await between.linked(identity)
    await between.services.unlink(user_id, identity)
    assert await linked(between.store, "bj1", normalise("custom", identity), other, datetime.now(UTC))
    between.gate.go.set()
    await refused(call, "IDENTITY_TAKEN")
    assert await between.live_sessions(user_id) == await between.live_sessions(other) == 0


@pytest.mark.usefixtures("moment")
async def test_an_unlink_while_the_token_is_issued_ends_the_proof(between: Between) -> None:
    services = between.services
    user_id, caller = await services.user()
    before = await between.live_sessions(user_id)
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    call = between.link(user_id, number, "mobile", caller=caller, **sent.proof)
    await between.linked(number, "mobile")
    await services.unlink(user_id, number, "mobile", caller)
    await linked(between.store, "bj1", normalise("mobile", number), user_id, datetime.now(UTC))
    between.gate.go.set()
    await refused(call, "PROOF_REFUSED")
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")
    assert await between.live_sessions(user_id) == before


async def test_token_goes_between_link_and_token_and_the_call_is_repeated(between: Between) -> None:
    services = between.services
    user_id, identity = await services.token.user(), unused()
    between.gate.lost.set()
    call = between.link(user_id, identity)
    assert await between.linked(identity) == user_id
    between.gate.go.set()
    started = time.monotonic()
    refusal = await refused(call, "UNAVAILABLE")
    assert "token service" in refusal.message
    assert time.monotonic() - started < 10
    before = await between.store.select_link("bj1", normalise("custom", identity))
    between.gate.lost.clear()
    assert (await services.link(user_id, identity)).user_id == user_id
    assert await between.store.select_link("bj1", normalise("custom", identity)) == before


async def test_a_proof_outlives_a_token_service_that_goes(between: Between) -> None:
    services = between.services
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    between.gate.lost.set()
    call = between.link(user_id, number, "mobile", caller=caller, **sent.proof)
    await between.linked(number, "mobile")
    # It is this call's for the time being.
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "UNAVAILABLE")
    between.gate.go.set()
    await refused(call, "UNAVAILABLE")
    between.gate.lost.clear()
    await services.link(user_id, number, "mobile", caller, **sent.proof)
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")


async def test_a_proof_outlives_a_caller_that_hangs_up(between: Between) -> None:
    services = between.services
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    call = between.link(user_id, number, "mobile", caller=caller, **sent.proof)
    await between.linked(number, "mobile")
    call.cancel()
    between.gate.go.set()
    # Long before it would be free by itself.
    async with asyncio.timeout(5):
        while True:
            try:
                await services.link(user_id, number, "mobile", caller, **sent.proof)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 no other may pass
                await asyncio.sleep(0.1)
            else:
                break


@asynccontextmanager
async def process(services: Services, dsn: str, state: Path, token: Address) -> AsyncIterator[tuple[int, Account]]:
    """Account as a process of its own, which may be killed."""
    identity, address = services.token.made["account"], f"127.0.0.1:{free_ports(1)[0]}"
    environ = {
        "TESSERA_DSN": dsn,
        "TESSERA_LISTEN": address,
        "TESSERA_STATE_DIR": str(state),
        "TESSERA_TOKEN_ADDRESS": str(token),
        "TESSERA_CLIENT_ID": identity["client_id"],
        "TESSERA_CLIENT_KEY": identity["private_key_pem"],
        "TESSERA_MASTER_KEY": "A" * 43 + "=",
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.account", "serve", env=os.environ | environ
    )
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            await channel.channel_ready()
            await until_health(channel, SERVING)
            yield running.pid, Account(channel)
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


@pytest.mark.parametrize("proven", [False, True])
async def test_killed_between_link_and_answer_the_repeated_call_finds_the_same_link(
    between: Between, tmp_path: Path, proven: bool
) -> None:
    services, token = between.services, between.services.token
    user_id, caller = await services.user()
    number = unused_mobile()
    more: dict[str, object] = {}
    if proven:
        more = {"caller": caller, **(await services.send(caller, phone_number=number)).proof}
    async with gated(token.settings.listen[0]) as (gate, address):
        async with process(services, between.dsn, tmp_path, address) as (pid, account):
            doomed = Between(replace(services, account=account), gate, between.store, between.dsn)
            call = doomed.link(user_id, number, "mobile", **more)
            assert await doomed.linked(number, "mobile") == user_id
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(grpc.aio.AioRpcError):
                await call
        gate.go.set()
    before = await between.store.select_link("bj1", normalise("mobile", number))
    # The proof is the dead call's for some seconds more.
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await services.link(user_id, number, "mobile", **more)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 no other may pass
                await asyncio.sleep(0.5)
            else:
                break
    assert answer.user_id == user_id
    assert await between.store.select_link("bj1", normalise("mobile", number)) == before
