"""`python -m gateway serve`: an Envoy that is ended, and replaced, without a call being cut."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config import ServeSettings
from gateway.ready import ready
from services.runtime.env import Address, SettingsError, load
from tests.support.gateways import Upstream
from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
# Its services are away, which is answered at once; its body is waited for.
SLOW = b"POST /v2/oauth/token HTTP/1.1\r\nhost: t\r\ncontent-length: 7\r\n\r\nclie"


def environment(folder: Path, services: Address | None = None) -> dict[str, str]:
    port, away = free_ports(2)
    there = str(services or Address("127.0.0.1", away))
    return {
        "PATH": os.environ["PATH"],
        "TESSERA_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "TESSERA_GATEWAY_CONFIGURATION": str(folder / "envoy.yaml"),
        "TESSERA_GATEWAY_ACCESS_LOG": str(folder / "access.log"),
        "TESSERA_GATEWAY_CLIENT_ID": "gateway",
        "TESSERA_GATEWAY_CLIENT_SECRET_FILE": str(folder / "secret"),
        "TESSERA_GATEWAY_ADDRESS_RATE": "0",
        "TESSERA_GATEWAY_LAME_DUCK": "0.5",
        "TESSERA_GATEWAY_DRAIN": "2",
        "TESSERA_GATEWAY_THREADS": "1",
        "TESSERA_GATEWAY_DOCS": "false",
        **{f"TESSERA_{name}_ADDRESS": there for name in ("TOKEN", "ACCOUNT", "BINDING")},
    }


@dataclass
class Gateway:
    """One that runs in a folder."""

    folder: Path
    environ: dict[str, str]
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http{'s' if 'TESSERA_GATEWAY_TLS' in self.environ else ''}://{self.environ['TESSERA_GATEWAY_LISTEN']}"

    @property
    def port(self) -> int:
        return int(self.environ["TESSERA_GATEWAY_LISTEN"].partition(":")[2])

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, trust_env=False, verify=False)

    def envoys(self) -> list[psutil.Process]:
        """Those that run, the oldest first."""
        return sorted(psutil.Process(self.process.pid).children(), key=lambda each: each.create_time())

    def slow(self) -> socket.socket:
        """A connection with a call under way."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(SLOW)
        time.sleep(0.2)
        return connection

    def renew(self) -> None:
        """SIGHUP, until another Envoy serves and the one before it has ended."""
        before = self.envoys()
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 40
        while len(self.envoys()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while set(self.envoys()) & set(before):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def serving(folder: Path, services: Address | None = None, **further: str) -> Iterator[Gateway]:
    environ = environment(folder, services) | further
    (folder / "secret").write_text("only-the-gateway-knows")
    command = [sys.executable, "-m", "gateway", "serve"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log) as process:
        gateway = Gateway(folder, environ, process)
        try:
            deadline = time.monotonic() + 40
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                try:
                    gateway.get("/healthz").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield gateway
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path, TESSERA_GATEWAY_LAME_DUCK="2", TESSERA_GATEWAY_DRAIN="30") as running:
        yield running


def test_it_drains_and_ends_when_asked(patient: Gateway) -> None:
    gateway = patient
    (envoy,) = gateway.envoys()
    base_id = (gateway.folder / "base-id").read_text().strip()
    assert len(list(Path("/dev/shm").glob(f"envoy_shared_memory_{base_id}*"))) == 1
    assert (gateway.folder / "envoy.yaml").stat().st_mode & 0o777 == 0o600
    # Whoever may open it may drain and inspect.
    assert (gateway.folder / "admin.sock").stat().st_mode & 0o777 == 0o600
    assert not [
        each for each in envoy.net_connections("tcp") if each.status == "LISTEN" and each.laddr.port != gateway.port
    ]
    assert "only-the-gateway-knows" not in "".join(envoy.cmdline())
    assert "strict-transport-security" not in gateway.get("/healthz").headers
    with gateway.slow() as slow, slow.makefile("rb") as answer:
        began = time.monotonic()
        gateway.process.terminate()
        # Those that would come are told to look elsewhere, and served while they have not.
        while gateway.get("/healthz").headers.get("connection") != "close":
            assert time.monotonic() - began < 5
        # Past the lame duck: nothing but the call holds it up, and nobody comes any more.
        with pytest.raises(subprocess.TimeoutExpired):
            gateway.process.wait(timeout=3)
        with pytest.raises(httpx.ConnectError):
            gateway.get("/healthz")
        slow.sendall(b"nt=")
        head = answer.read().lower()
        assert head.startswith(b"http/1.1 503 ")
        assert b"\r\nconnection: close\r\n" in head
        assert gateway.process.wait(timeout=20) == 0
    assert not envoy.is_running()
    assert not list(Path("/dev/shm").glob(f"envoy_shared_memory_{base_id}*"))


def test_it_does_not_wait_for_ever_and_a_second_time_not_at_all(tmp_path: Path) -> None:
    with serving(tmp_path, TESSERA_GATEWAY_LAME_DUCK="60") as gateway, gateway.slow():
        gateway.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            gateway.process.wait(timeout=0.5)
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(timeout=10) == 0


def test_neither_outlives_the_other(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        (envoy,) = gateway.envoys()
        gateway.process.kill()
        envoy.wait(timeout=10)
    (tmp_path / "again").mkdir()
    with serving(tmp_path / "again") as gateway:
        (envoy,) = gateway.envoys()
        envoy.kill()
        assert gateway.process.wait(timeout=10) == 256 - signal.SIGKILL


@dataclass
class Load:
    """Calls without pause, on connections that are kept and on new ones."""

    gateway: Gateway
    answers: "Counter[int | str]" = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def call(self, *, keep: bool) -> None:
        with httpx.Client(base_url=self.gateway.url, trust_env=False, verify=False) as client:
            while not self.stopping.is_set():
                try:
                    headers = {} if keep else {"connection": "close"}
                    self.answers[client.get("/v2/nothing", headers=headers).status_code] += 1
                except httpx.HTTPError as error:
                    self.answers[repr(error)] += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.call, kwargs={"keep": keep}) for keep in (True, False)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()


def test_another_takes_over_and_no_call_is_lost(gateway: Gateway) -> None:
    load = Load(gateway)
    # Until then it serves on the settings that it has.
    (gateway.folder / "secret").write_text("another-secret")
    assert "only-the-gateway-knows" not in (gateway.folder / "envoy.yaml").read_text()
    before = (gateway.folder / "envoy.yaml").read_text()
    with load.running(), gateway.slow() as slow, slow.makefile("rb") as answer:
        threading.Timer(1.5, slow.sendall, [b"nt="]).start()
        gateway.renew()
        assert answer.read().startswith(b"HTTP/1.1 503 ")
    assert set(load.answers) == {404}
    assert load.answers[404] > 50
    assert (gateway.folder / "envoy.yaml").read_text() != before
    # And the next one ends as the first would have.
    gateway.process.terminate()
    assert gateway.process.wait(timeout=20) == 0


def test_what_is_wrong_does_not_take_over(gateway: Gateway) -> None:
    (envoy,) = gateway.envoys()
    log = gateway.folder / "log"
    (gateway.folder / "secret").unlink()
    gateway.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "stays as it is: TESSERA_GATEWAY_CLIENT_SECRET_FILE: No such file" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert gateway.envoys() == [envoy]
    assert gateway.get("/healthz").status_code == 200


# ---- TLS ----


def certify(folder: Path, serial: int) -> None:
    """Replace the pair in a folder by one of its own, each file in one step."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in (("tls.key", private), ("tls.crt", certificate.public_bytes(serialization.Encoding.PEM))):
        (folder / f".{file}").write_bytes(content)
        (folder / f".{file}").rename(folder / file)


def shaken(gateway: Gateway, **bounds: ssl.TLSVersion) -> ssl.SSLSocket:
    """A new connection, by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    if bounds:
        # What OpenSSL would not say of itself, that the gateway may refuse it.
        context.set_ciphers("ALL:@SECLEVEL=0")
    for bound, version in bounds.items():
        setattr(context, bound, version)
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except OSError:
        plain.close()
        raise


def serial(connection: ssl.SSLSocket) -> int:
    der = connection.getpeercert(binary_form=True)
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def test_tls_and_a_certificate_that_is_replaced_under_load(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    certify(folder, 1)
    with Upstream().running() as behind, serving(tmp_path, behind, TESSERA_GATEWAY_TLS=str(folder)) as gateway:
        # As the image's health check asks.
        deadline = time.monotonic() + 20
        while not ready(gateway.environ):
            assert time.monotonic() < deadline
        with shaken(gateway) as old:
            assert (serial(old), old.version(), old.selected_alpn_protocol()) == (1, "TLSv1.3", "h2")
        with shaken(gateway, maximum_version=ssl.TLSVersion.TLSv1_2) as old:
            assert old.version() == "TLSv1.2"
        with pytest.raises(OSError, match=r"(?i)alert|protocol|reset"), pytest.warns(DeprecationWarning, match="TLS"):
            shaken(gateway, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
        # In plain HTTP nobody answers.
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")
            assert plain.recv(100) == b""
        for path in ("/healthz", "/v2/nothing", "/ready", "/v2/a%2Fb"):
            assert gateway.get(path).headers["strict-transport-security"] == "max-age=15552000"

        assert not ready({name: value for name, value in gateway.environ.items() if name != "TESSERA_GATEWAY_TLS"})

        load = Load(gateway)
        with load.running(), shaken(gateway) as kept:
            certify(folder, 2)
            deadline = time.monotonic() + 20
            while True:
                with shaken(gateway) as new:
                    if serial(new) == 2:
                        break
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert serial(kept) == 1
        assert set(load.answers) == {404}
        # Half of a pair, or none, is not taken.
        (folder / "tls.crt").write_text("no certificate")
        (folder / "tls.key").rename(folder / "elsewhere")
        time.sleep(0.5)
        with shaken(gateway) as new:
            assert serial(new) == 2


def no_certificate(folder: Path) -> None:
    (folder / "tls.crt").write_text("no certificate")


def another_key(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    certify(other, 2)
    (other / "tls.key").rename(folder / "tls.key")


def no_key(folder: Path) -> None:
    (folder / "tls.key").unlink()


def no_authority(folder: Path) -> None:
    (folder / "ca.crt").write_text("no certificate")


@pytest.mark.parametrize("spoil", [no_certificate, another_key, no_key])
def test_certificates_that_are_no_good_do_not_take_over(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    certify(folder, 1)
    with serving(tmp_path, TESSERA_GATEWAY_TLS=str(folder)) as gateway:
        envoys = gateway.envoys()
        spoil(folder)
        gateway.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while "stays as it is: TESSERA_GATEWAY_TLS: " not in (log := (tmp_path / "log").read_text()):
            assert time.monotonic() < deadline, log
            time.sleep(0.05)
        with shaken(gateway) as new:
            assert serial(new) == 1
        assert gateway.envoys() == envoys


@pytest.mark.parametrize("spoil", [no_certificate, another_key, no_key, no_authority])
@pytest.mark.parametrize("name", ["TESSERA_GATEWAY_TLS", "TESSERA_TLS"])
def test_certificates_that_are_no_good_are_one_line(tmp_path: Path, name: str, spoil: Callable[[Path], None]) -> None:
    certify(tmp_path, 1)
    (tmp_path / "ca.crt").write_bytes((tmp_path / "tls.crt").read_bytes())
    (tmp_path / "secret").write_text("s")
    environ = environment(tmp_path) | {name: str(tmp_path)}
    load(ServeSettings, environ)
    spoil(tmp_path)
    if (name, spoil) == ("TESSERA_GATEWAY_TLS", no_authority):
        # Who calls the public listener proves nothing by a certificate.
        load(ServeSettings, environ)
        return
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load(ServeSettings, environ)
    assert len(caught.value.problems) == 1


def test_a_setting_that_is_missing_is_one_line(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    del environ["TESSERA_GATEWAY_CONFIGURATION"]
    (tmp_path / "secret").write_text("s")
    command = [sys.executable, "-m", "gateway", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("TESSERA_GATEWAY_CONFIGURATION is not set")
    assert done.stderr.count("\n") == 1
