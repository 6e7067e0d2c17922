"""mTLS of a service: who may connect, for what, and certificates that are replaced while calls are made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY
from tessera.account.v1 import account_service_pb2 as account
from tessera.account.v1 import account_service_pb2_grpc as account_grpc
from tessera.client import Certificates, errors, open_channel
from tessera.edge import external_auth_pb2, external_auth_pb2_grpc

from deploy.certificates import Issued, issue, make_authority
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.env import SettingsError, load
from services.runtime.errors import Unauthenticated
from services.runtime.files import write_private
from services.runtime.pipeline import Pipeline
from services.runtime.settings import ServerSettings
from services.runtime.tls import Peers, server_credentials
from tests.support.calls import NOT_SERVING, SERVING, refused
from tests.support.certificates import believe, certified
from tests.support.keys import KEYS, Known, caller
from tests.support.revocations import nothing_revoked

OURS, THEIRS = make_authority(), make_authority()
# Of a curve that the library reads no keys of.
SECP160R1 = """\
-----BEGIN PRIVATE KEY-----
MGECAQAwEAYHKoZIzj0CAQYFK4EEAAgESjBIAgEBBBUARTz54HMAILhBmXdH2Vsg
sjmLXnuhLAMqAAT/w4GIqTYh3VtD/53br2UeYPRcGwj4KgqPEZv6R0cv3RB059ba
ul3O
-----END PRIVATE KEY-----
"""
SERVICE = account.DESCRIPTOR.services_by_name["AccountService"]
REQUEST = account.UnlinkAccountRequest(user_id="u1", type="custom", identity="i1")


class Account(account_grpc.AccountServiceServicer):
    """Takes every call."""

    async def UnlinkAccount(self, _request: Any, _context: Any) -> account.UnlinkAccountResponse:  # noqa: N802 gRPC's
        return account.UnlinkAccountResponse()


class Authorization(external_auth_pb2_grpc.AuthorizationServicer):
    """Takes every credential."""

    async def Check(self, _request: Any, _context: Any) -> external_auth_pb2.CheckResponse:  # noqa: N802 gRPC's
        return external_auth_pb2.CheckResponse()


@dataclass
class Served:
    """A service of that name, with its certificates in `folder`."""

    folder: Path
    certified: str
    plain: str
    health: health.aio.HealthServicer

    def channel(self, folder: Path, server: str = "account") -> grpc.aio.Channel:
        """A channel of whoever has these certificates; no connection is anybody else's."""
        return open_channel(self.certified, tls=Certificates(folder, server), retry=False)

    async def call(self, folder: Path, server: str = "account") -> None:
        """A call with a good credential, over a connection of its own."""
        async with self.channel(folder, server) as channel:
            await unlink(channel)


async def unlink(channel: grpc.aio.Channel) -> None:
    await account_grpc.AccountServiceStub(channel).UnlinkAccount(REQUEST, metadata=caller("account.link"))


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    folder = certified(tmp_path / "served", OURS, "account")
    authenticator = Authenticator("account", Known(dict(KEYS)), Clock(), nothing_revoked())
    pipeline = Pipeline([SERVICE], authenticator, peers=Peers("tessera", ["binding"]))
    account_grpc.add_AccountServiceServicer_to_server(Account(), pipeline)
    external_auth_pb2_grpc.add_AuthorizationServicer_to_server(Authorization(), pipeline)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, pipeline)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((pipeline,))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(folder))
    plain = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Served(folder, f"127.0.0.1:{port}", f"127.0.0.1:{plain}", status)
    await server.stop(0)


@pytest.mark.parametrize(
    ("names", "welcome"),
    [
        (["spiffe://tessera/gateway"], True),
        (["spiffe://tessera/binding"], True),
        (["spiffe://tessera/account"], False),
        (["spiffe://other/gateway"], False),
        (["spiffe://tessera/gateway/more"], False),
        (["gateway"], False),
        (["spiffe://shop/backend"], True),
        (["spiffe://shop/backend/more"], False),
        (["spiffe://shop/jobs/night"], True),
        (["spiffe://shop/jobs"], False),
        (["spiffe://tessera/gateway", "spiffe://tessera/binding"], False),
        ([], False),
    ],
)
def test_who_may_connect(names: Sequence[str], welcome: bool) -> None:
    peers = Peers("tessera", ["binding"], ["spiffe://shop/backend", "spiffe://shop/jobs/*"])
    identity = {"peer_uri": [name.encode() for name in names]} if names else {}

    def allowed(method: str) -> bool:
        try:
            peers.check(method, identity)
        except Unauthenticated:
            return False
        return True

    assert allowed("/tessera.account.v1.AccountService/UnlinkAccount") == welcome
    assert allowed("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") == welcome
    assert allowed("/grpc.health.v1.Health/Check")
    assert allowed("/envoy.service.auth.v3.Authorization/Check") == (names == ["spiffe://tessera/gateway"])


async def test_a_name_that_may_not_connect_is_refused_whatever_its_credential(served: Served, tmp_path: Path) -> None:
    for name in ("gateway", "binding"):
        await served.call(certified(tmp_path / name, OURS, name))
    for name in ("account", "token", "operator"):
        with pytest.raises(errors.Unauthenticated):
            await served.call(certified(tmp_path / name, OURS, name))


async def test_what_a_credential_is_good_for_is_told_to_the_gateway_alone(served: Served, tmp_path: Path) -> None:
    async def ask(name: str) -> None:
        async with served.channel(certified(tmp_path / name, OURS, name)) as channel:
            check = external_auth_pb2_grpc.AuthorizationStub(channel).Check
            await check(external_auth_pb2.CheckRequest(), metadata=caller("edge.check"))

    await ask("gateway")
    with pytest.raises(errors.Unauthenticated):
        await ask("binding")


async def test_who_has_no_good_certificate_has_no_connection(served: Served, tmp_path: Path) -> None:
    strange = certified(tmp_path / "strange", THEIRS, "gateway", OURS)
    late = certified(tmp_path / "late", OURS, "gateway", lifetime=timedelta(minutes=-1))
    for folder in (strange, late):
        with pytest.raises(errors.Unavailable):
            await served.call(folder)
    nothing = grpc.ssl_channel_credentials(OURS.certificate.encode())
    for tls in (nothing, None):
        async with open_channel(served.certified, tls=tls, retry=False) as channel:
            with pytest.raises(errors.Unavailable):
                await unlink(channel)


async def test_a_server_that_is_somebody_else_is_not_believed(served: Served, tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable):
        await served.call(certified(tmp_path / "gateway", OURS, "gateway"), server="token")
    believe(tmp_path / "gateway", THEIRS)
    with pytest.raises(errors.Unavailable):
        await served.call(tmp_path / "gateway")


async def test_in_plaintext_health_alone_is_answered(served: Served) -> None:
    async with grpc.aio.insecure_channel(served.plain) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        assert (await check(health_pb2.HealthCheckRequest())).status == SERVING
        call = account_grpc.AccountServiceStub(channel).UnlinkAccount(REQUEST, metadata=caller("account.link"))
        await refused(call, "UNAUTHENTICATED")


async def test_an_authority_is_replaced_without_a_failed_call(served: Served, tmp_path: Path) -> None:
    """Both are believed, then the new one signs, then the old one is not believed any more."""
    folder = certified(tmp_path / "gateway", OURS, "gateway")
    before = certified(tmp_path / "before", OURS, "gateway", THEIRS)
    done, made = asyncio.Event(), 0

    async def calls(channel: grpc.aio.Channel) -> None:
        nonlocal made
        while not done.is_set():
            # On the channel that is kept, and on a connection of its own.
            await unlink(channel)
            await served.call(folder)
            made += 1

    async def some_more() -> None:
        enough = made + 3
        while made < enough:
            assert not calling.done(), calling.exception()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(60), served.channel(folder) as channel:
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await anext(aiter(watched))).status == SERVING
        calling = asyncio.create_task(calls(channel))
        await some_more()
        for each in (folder, served.folder):
            believe(each, OURS, THEIRS)
        await some_more()
        certified(folder, THEIRS, "gateway", OURS)
        certified(served.folder, THEIRS, "account", OURS)
        await some_more()
        for each in (folder, served.folder):
            believe(each, THEIRS)
        await some_more()
        # Half of a change, or a key that cannot be read, changes nothing.
        key = (served.folder / "tls.key").read_text(encoding="ascii")
        write_private(served.folder / "tls.key", issue(THEIRS, "account").key)
        await some_more()
        a_key_with_a_password(served.folder, OURS)
        await some_more()
        write_private(served.folder / "tls.key", key)
        await some_more()
        done.set()
        await calling
        # A stream goes on, on the connection that it began on.
        await served.health.set("", NOT_SERVING)
        assert (await anext(aiter(watched))).status == NOT_SERVING
        watched.cancel()
    with pytest.raises(errors.Unavailable):
        await served.call(before)


async def test_a_caller_goes_on_where_its_new_key_cannot_be_read(served: Served, tmp_path: Path) -> None:
    folder = certified(tmp_path / "gateway", OURS, "gateway")
    async with served.channel(folder) as channel:
        for spoil in (another_key, a_key_with_a_password, a_key_of_a_kind_that_is_not_used):
            spoil(folder, issue(OURS, "gateway"))
            await unlink(channel)


def test_nobody_is_let_in_by_a_name_that_is_empty() -> None:
    peers = Peers("tessera", ["binding"], ["spiffe://shop/backend", ""])
    for identity in ({}, {"peer_uri": [b""]}, {"peer_uri": [b"spiffe://shop/backend", b"spiffe://tessera/binding"]}):
        with pytest.raises(Unauthenticated):
            peers.check("/tessera.account.v1.AccountService/UnlinkAccount", identity)


def settings(folder: Path, **changed: str) -> ServerSettings:
    environ = {"DSN": "postgresql://one", "LISTEN": "127.0.0.1:1,127.0.0.1:2", "STATE_DIR": "state", "TLS": str(folder)}
    return load(ServerSettings, {f"TESSERA_{name}": value for name, value in (environ | changed).items()})


def emptied(folder: Path, _other: Issued) -> None:
    (folder / "ca.crt").unlink()


def another_key(folder: Path, other: Issued) -> None:
    write_private(folder / "tls.key", other.key)


def no_key(folder: Path, _other: Issued) -> None:
    write_private(folder / "tls.key", "no key")


def no_authority(folder: Path, _other: Issued) -> None:
    write_private(folder / "ca.crt", "no certificate")


def a_key_with_a_password(folder: Path, _other: Issued) -> None:
    key = load_pem_private_key((folder / "tls.key").read_bytes(), password=None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    write_private(folder / "tls.key", sealed.decode())


def a_key_of_a_kind_that_is_not_used(folder: Path, _other: Issued) -> None:
    write_private(folder / "tls.key", SECP160R1)


def half_an_authority(folder: Path, _other: Issued) -> None:
    authorities = (folder / "ca.crt").read_text(encoding="ascii")
    write_private(folder / "ca.crt", authorities + THEIRS.certificate[:-100])


def half_a_chain(folder: Path, _other: Issued) -> None:
    chain = (folder / "tls.crt").read_text(encoding="ascii")
    write_private(folder / "tls.crt", chain + OURS.certificate[:-100])


@pytest.mark.parametrize(
    "spoil",
    [
        emptied,
        another_key,
        no_key,
        no_authority,
        a_key_with_a_password,
        a_key_of_a_kind_that_is_not_used,
        half_an_authority,
        half_a_chain,
    ],
)
def test_certificates_that_are_no_good_are_one_line(tmp_path: Path, spoil: Callable[[Path, Issued], None]) -> None:
    folder = certified(tmp_path / "account", OURS, "account")
    assert settings(folder).tls == folder
    server_credentials(folder)
    end = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()).not_valid_after_utc
    assert REGISTRY.get_sample_value("tessera_certificate_end_seconds") == end.timestamp()
    spoil(folder, issue(OURS, "account"))
    with pytest.raises(SettingsError, match=r"^TESSERA_TLS: ") as caught:
        settings(folder)
    assert len(caught.value.problems) == 1


def test_settings_that_need_certificates_and_have_none(tmp_path: Path) -> None:
    folder = certified(tmp_path / "account", OURS, "account")
    both = {"HEALTH_LISTEN": "127.0.0.1:3,127.0.0.1:4", "PEERS": "spiffe://shop/backend,spiffe://shop/jobs/*"}
    assert settings(folder, **both).peers == ("spiffe://shop/backend", "spiffe://shop/jobs/*")
    for name, value in both.items():
        with pytest.raises(SettingsError, match="of no use without TESSERA_TLS"):
            settings(folder, **{"TLS": "", name: value})
    for value in ("spiffe://shop/backend,", ",spiffe://shop/backend", "spiffe://shop/backend,,spiffe://shop/jobs/*"):
        with pytest.raises(SettingsError, match=r"^TESSERA_PEERS: "):
            settings(folder, PEERS=value)
    for value in ("127.0.0.1:3", "127.0.0.1:3,127.0.0.1:1"):
        with pytest.raises(SettingsError, match="TESSERA_HEALTH_LISTEN"):
            settings(folder, HEALTH_LISTEN=value)
