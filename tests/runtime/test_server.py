"""A service process from outside: settings, ports, workers, health, reflection, drain. The smallest service is used."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc
import httpx
import psutil
import pytest
from google.protobuf.json_format import ParseDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from tests.support.calls import NOT_SERVING, SERVING, Metadata, until_health
from tests.support.keys import caller, keep
from tests.support.ports import free_ports


async def until_serving(channel: grpc.aio.Channel) -> None:
    """Wait until whoever listens there, now or later, serves."""
    async with asyncio.timeout(20):
        while not await serves(channel):
            await asyncio.sleep(0.05)


async def serves(channel: grpc.aio.Channel) -> bool:
    try:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == SERVING)


PUSH_APP = {"id": 1500000001, "tokens_per_account": 100, "append_enabled": False}
BIND = ParseDict(
    {"operator_type": 2, "token_accounts": [{"token": "t1", "account_list": [{"account": "a@b.example"}]}]},
    binding_service_pb2.BatchOperateAccountsRequest(),
)


def as_push_app() -> Metadata:
    """Made when it is used: it lives a minute."""
    return caller("binding.read", "binding.write", push_app=PUSH_APP)


@dataclass
class Machine:
    """Where a service may run."""

    environ: Mapping[str, str]
    ports: list[int]

    @asynccontextmanager
    async def serve(self, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.binding", "serve"),
            env=self.environ | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    @asynccontextmanager
    async def serving(self, **settings: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, grpc.aio.Channel]]:
        async with self.serve(**settings) as process, self.channel() as channel:
            await until_serving(channel)
            yield process, channel

    def channel(self, number: int = 0) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(
            f"127.0.0.1:{self.ports[number]}", options=[("grpc.max_reconnect_backoff_ms", 200)]
        )


@pytest.fixture
def machine(database_url: Callable[[str], str], tmp_path: Path) -> Machine:
    ports = free_ports(4)
    keep(tmp_path)
    environ = os.environ | {
        "TESSERA_DSN": database_url("binding"),
        "TESSERA_LISTEN": f"127.0.0.1:{ports[0]}",
        "TESSERA_STATE_DIR": str(tmp_path),
        # Nobody is there: the keys are those that were kept.
        "TESSERA_TOKEN_ADDRESS": f"127.0.0.1:{ports[3]}",
        "TESSERA_LAME_DUCK": "0",
    }
    return Machine(environ, ports)


async def test_every_wrong_setting_is_a_line(machine: Machine) -> None:
    wrong = {"TESSERA_DSN": "", "TESSERA_LISTEN": "x", "TESSERA_POOL_SIZE": "0", "TESSERA_LOG_LEVEL": "loud"}
    async with machine.serve(**wrong) as process:
        output, _ = await process.communicate()
    assert process.returncode == 2
    lines = output.decode().splitlines()
    assert {line.split(":")[0].split()[0] for line in lines} == set(wrong)


async def test_metrics_without_their_workers_are_a_line(machine: Machine) -> None:
    async with machine.serve(TESSERA_METRICS_LISTEN="127.0.0.1:1,127.0.0.1:2") as process:
        output, _ = await process.communicate()
    assert (process.returncode, output.decode().count("\n")) == (2, 1)
    assert "TESSERA_METRICS_LISTEN" in output.decode()


@pytest.mark.parametrize("setting", ["TESSERA_LISTEN", "TESSERA_METRICS_LISTEN"])
async def test_a_port_in_use_is_a_line(machine: Machine, setting: str) -> None:
    async with machine.serving(TESSERA_METRICS_LISTEN=f"127.0.0.1:{machine.ports[1]}"):
        taken = {"TESSERA_LISTEN": machine.ports[0], "TESSERA_METRICS_LISTEN": machine.ports[1]}[setting]
        free = {"TESSERA_LISTEN": f"127.0.0.1:{machine.ports[2]}"} | {setting: f"127.0.0.1:{taken}"}
        async with machine.serve(**free) as second:
            output, _ = await second.communicate()
    assert second.returncode == 1
    assert f"127.0.0.1:{taken}" in output.decode()
    assert "Traceback" not in output.decode()


async def test_metrics(machine: Machine) -> None:
    address = f"127.0.0.1:{machine.ports[1]}"
    async with machine.serving(TESSERA_METRICS_LISTEN=address) as (_, channel):
        await binding_service_pb2_grpc.BindingServiceStub(channel).BatchOperateAccounts(BIND, metadata=as_push_app())
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"http://{address}/metrics")).text
    method = "/tessera.binding.v1.BindingService/BatchOperateAccounts"
    assert f'tessera_calls_total{{code="OK",method="{method}",reason=""}} 1.0' in text
    assert f'tessera_call_seconds_count{{method="{method}"}} 1.0' in text


async def test_reflection_is_for_those_who_may(machine: Machine) -> None:
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    async with machine.serving() as (_, channel):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            (as_push_app(), grpc.StatusCode.PERMISSION_DENIED),
        ):
            # It asks nothing: a message that is on its way when the refusal comes, gRPC tells instead of that.
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ServerReflectionInfo(metadata=metadata).read()
            assert caught.value.code() == code
        answer = await stub.ServerReflectionInfo(iter([ask]), metadata=caller("runtime.reflect")).read()
    names = {service.name for service in answer.list_services_response.service}
    assert "tessera.binding.v1.BindingService" in names


async def test_a_call_under_way_is_finished_before_the_end(machine: Machine) -> None:
    holder = await asyncpg.connect(machine.environ["TESSERA_DSN"])
    async with machine.serving() as (process, channel):
        held = holder.transaction()
        await held.start()
        await holder.execute("lock table binding.binding")
        call = binding_service_pb2_grpc.BindingServiceStub(channel).BatchOperateAccounts(BIND, metadata=as_push_app())
        async with asyncio.timeout(30):
            while not await holder.fetchval("select count(*) from pg_locks where not granted"):
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert process.returncode is None
        await held.rollback()
        assert (await call).ret_code == 0
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    assert await holder.fetchval("select count(*) from binding.binding") == 1
    await holder.close()


async def test_it_says_that_it_leaves_before_it_refuses(machine: Machine) -> None:
    async with machine.serving(TESSERA_LAME_DUCK="3") as (process, channel):
        process.send_signal(signal.SIGTERM)
        stub = binding_service_pb2_grpc.BindingServiceStub(channel)
        async with asyncio.timeout(2.5):
            await until_health(channel, NOT_SERVING)
            assert (await stub.BatchOperateAccounts(BIND, metadata=as_push_app())).ret_code == 0
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_a_worker_that_dies_is_started_again(machine: Machine) -> None:
    both = ",".join(f"127.0.0.1:{port}" for port in machine.ports[:2])
    async with machine.serving(TESSERA_LISTEN=both) as (process, first), machine.channel(1) as second:
        await until_serving(second)
        workers = {worker.pid for worker in psutil.Process(process.pid).children()}
        assert len(workers) == 2
        # Each knows how many share what is shared out over them.
        assert {psutil.Process(worker).environ()["TESSERA_WORKERS"] for worker in workers} == {"2"}
        os.kill(min(workers), signal.SIGKILL)
        async with asyncio.timeout(20):
            while len(workers | {worker.pid for worker in psutil.Process(process.pid).children()}) < 3:
                await asyncio.sleep(0.05)
        for channel in (first, second):
            await until_serving(channel)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    assert not any(psutil.pid_exists(worker) for worker in workers)


async def test_workers_are_kept_also_when_nobody_reads_their_lines(machine: Machine) -> None:
    both = ",".join(f"127.0.0.1:{port}" for port in machine.ports[:2])
    async with machine.serving(TESSERA_LISTEN=both) as (process, first), machine.channel(1) as second:
        await until_serving(second)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        workers = {worker.pid for worker in psutil.Process(process.pid).children()}
        os.kill(min(workers), signal.SIGKILL)
        async with asyncio.timeout(20):
            while len(workers | {worker.pid for worker in psutil.Process(process.pid).children()}) < 3:
                await asyncio.sleep(0.05)
        for channel in (first, second):
            await until_serving(channel)
