"""Each service started alone by its own command: it serves what it can, says what it cannot, and recovers by itself."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tessera.account.v1 import account_service_pb2, account_service_pb2_grpc
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc
from tessera.token.v1 import (
    token_admin_service_pb2,
    token_admin_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)

from deploy.local.home import Home
from deploy.local.ports import lay_out
from deploy.local.programs import Programs, read_bootstrap
from services.runtime.supervisor import Supervisor
from tests.support.databases import Databases
from tests.support.stack import local_settings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
Metadata = tuple[tuple[str, str], ...]


class Machine:
    """Starts and stops one service at a time, as an operator does."""

    def __init__(self, home: Home, databases: Databases) -> None:
        dsn = {service: databases.fresh(service) for service in ("token", "account", "binding")}
        self.layout = lay_out(local_settings(home.path))
        self.home = home
        home.make_key()
        self.programs = Programs(home, self.layout, dsn.__getitem__, "info", os.environ)

    @asynccontextmanager
    async def running(self, service: str) -> AsyncIterator[grpc.aio.Channel]:
        """One service, and a channel to it."""
        supervisor = Supervisor(lambda name, line: print(f"{name}: {line}"))
        try:
            await supervisor.start(self.programs.serve(service))
            async with grpc.aio.insecure_channel(str(self.layout.peers(service)[0])) as channel:
                yield channel
        finally:
            await supervisor.stop()

    async def bootstrap(self) -> None:
        """Make the first domain."""
        await Supervisor(lambda name, line: print(f"{name}: {line}")).once(self.programs.bootstrap())


async def until(channel: grpc.aio.Channel, status: int) -> None:
    """Wait for what the health service says."""
    async with asyncio.timeout(15):
        while (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())).status != status:
            await asyncio.sleep(0.05)


async def operator(channel: grpc.aio.Channel, home: Home) -> Metadata:
    """The operator, by its secret."""
    return await bearer(channel, **read_bootstrap(home)["operator"])


async def bearer(channel: grpc.aio.Channel, **parameters: str) -> Metadata:
    request = token_service_pb2.TokenRequest(grant_type="client_credentials", **parameters)
    token = await token_service_pb2_grpc.TokenServiceStub(channel).Token(request)
    return (("authorization", f"Bearer {token.access_token}"),)


@pytest_asyncio.fixture
async def machine(databases: Databases, tmp_path: Path) -> Machine:
    return Machine(Home(tmp_path), databases)


async def refusal(call: "grpc.aio.UnaryUnaryCall[object, object]") -> grpc.aio.AioRpcError:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError


async def test_token_needs_nobody(machine: Machine) -> None:
    async with machine.running("token") as channel:
        # Nothing to sign with yet: it says so, and is ready as soon as there is.
        await until(channel, NOT_SERVING)
        await machine.bootstrap()
        await until(channel, SERVING)
        await operator(channel, machine.home)


async def test_binding_waits_for_its_first_keys_and_then_needs_nobody(machine: Machine) -> None:
    await machine.bootstrap()
    request = binding_service_pb2.BatchOperateAccountsRequest(operator_type=4, token_list=["t"])
    async with machine.running("binding") as channel:
        binding = binding_service_pb2_grpc.BindingServiceStub(channel)
        await until(channel, NOT_SERVING)
        stranger = (("authorization", "Bearer e30.e30.e30"),)
        assert (await refusal(binding.BatchOperateAccounts(request, metadata=stranger))).code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.UNAUTHENTICATED,
        )
        async with machine.running("token") as token:
            await until(token, SERVING)
            await until(channel, SERVING)
            caller = await push_caller(token, machine.home)
            assert (await binding.BatchOperateAccounts(request, metadata=caller)).ret_code == 0
        assert (await binding.BatchOperateAccounts(request, metadata=caller)).ret_code == 0
    async with machine.running("binding") as channel:
        await until(channel, SERVING)
        again = binding_service_pb2_grpc.BindingServiceStub(channel)
        assert (await again.BatchOperateAccounts(request, metadata=caller)).ret_code == 0


async def push_caller(token: grpc.aio.Channel, home: Home) -> Metadata:
    """A push app's caller, set up by the operator."""
    admin = token_admin_service_pb2_grpc.TokenAdminServiceStub(token)
    caller = await operator(token, home)
    push = await admin.CreatePushApp(token_admin_service_pb2.CreatePushAppRequest(name="push"), metadata=caller)
    app = await admin.CreateApp(
        token_admin_service_pb2.CreateAppRequest(
            name="server",
            type=token_admin_service_pb2.APP_TYPE_WEB_SERVER,
            redirect_uris=["https://app.example/"],
            push_access_ids=[push.access_id],
        ),
        metadata=caller,
    )
    await admin.AllowApp(token_admin_service_pb2.AllowAppRequest(client_id=app.client_id), metadata=caller)
    return await bearer(token, client_id=app.client_id, client_secret=app.client_secret, scope=f"push:{push.access_id}")


async def test_account_looks_up_without_token_and_links_with_it(machine: Machine) -> None:
    await machine.bootstrap()
    identity = {"type": "custom", "identity": "someone"}
    async with machine.running("account") as channel:
        account = account_service_pb2_grpc.AccountServiceStub(channel)
        await until(channel, NOT_SERVING)
        async with machine.running("token") as token:
            await until(channel, SERVING)
            caller = await operator(token, machine.home)
            user = await token_admin_service_pb2_grpc.TokenAdminServiceStub(token).CreateUser(
                token_admin_service_pb2.CreateUserRequest(), metadata=caller
            )
            link = account_service_pb2.LinkAccountRequest(user_id=user.user_id, **identity)
            assert (await account.LinkAccount(link, metadata=caller)).user_id == user.user_id
        lookup = account_service_pb2.GetLinkInfoRequest(**identity)
        assert (await account.GetLinkInfo(lookup, metadata=caller)).user_id == user.user_id
        error = await refusal(account.LinkAccount(link, metadata=caller))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "token service" in str(error.details())
        async with machine.running("token"):
            async with asyncio.timeout(10):
                while True:
                    try:
                        await account.LinkAccount(link, metadata=caller)
                        break
                    except grpc.aio.AioRpcError as away:
                        assert away.code() == grpc.StatusCode.UNAVAILABLE  # noqa: PT017 tried again
                        await asyncio.sleep(0.1)
