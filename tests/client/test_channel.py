"""What every call by a channel carries, how long it may take, and where it goes."""

import datetime as dt
import ipaddress
import re
import uuid
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tessera.account.v1.account_service_pb2 import GetLinkInfoRequest, LinkAccountRequest
from tessera.account.v1.account_service_pb2_grpc import AccountServiceStub
from tessera.client import AccessTokens, ClientSecret, errors, open_channel
from tessera.token.v1.token_pb2 import Token

from tests.client.answering import Answering, empty, never, refuse

REQUEST = GetLinkInfoRequest(type="mobile", identity="13900001234")
UNAUTHENTICATED = refuse(grpc.StatusCode.UNAUTHENTICATED)


def issue(access_token: str) -> object:
    async def answer(_context: grpc.aio.ServicerContext) -> bytes:
        return Token(access_token=access_token, expires_in=7200).SerializeToString()

    return answer


async def test_every_call_has_an_id_of_its_own_or_the_callers(server: Answering) -> None:
    async with open_channel(server.address) as channel:
        accounts = AccountServiceStub(channel)
        await accounts.GetLinkInfo(REQUEST)
        await accounts.GetLinkInfo(REQUEST)
        await accounts.GetLinkInfo(REQUEST, metadata=(("x-request-id", "mine"), ("x-other", "too")))
    ids = [seen.metadata["x-request-id"] for seen in server.seen]
    assert uuid.UUID(ids[0]) != uuid.UUID(ids[1])
    assert ids[2] == "mine"
    assert server.seen[2].metadata["x-other"] == "too"


async def test_every_call_has_a_deadline(server: Answering) -> None:
    async with open_channel(server.address, timeout=7) as channel:
        accounts = AccountServiceStub(channel)
        await accounts.GetLinkInfo(REQUEST)
        await accounts.GetLinkInfo(REQUEST, timeout=100)
        # On its way a deadline is rounded up.
        assert 1 < server.seen[0].seconds < 8 < server.seen[1].seconds
        server.answers = [never]
        with pytest.raises(errors.DeadlineExceeded):
            await accounts.GetLinkInfo(REQUEST, timeout=0.2)


async def test_a_call_brings_the_access_token_unless_it_brings_its_own(server: Answering) -> None:
    async with open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(server.address, access_tokens=access_tokens) as channel:
            server.answers = [issue("first")]
            await AccountServiceStub(channel).GetLinkInfo(REQUEST)
            await AccountServiceStub(channel).GetLinkInfo(REQUEST, metadata=(("authorization", "Bearer own"),))
    assert [seen.metadata.get("authorization") for seen in server.seen] == [None, "Bearer first", "Bearer own"]


async def test_a_refused_access_token_is_replaced_once_whatever_the_call_does(server: Answering) -> None:
    async with open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(server.address, access_tokens=access_tokens) as channel:
            accounts = AccountServiceStub(channel)
            server.answers = [issue("first"), UNAUTHENTICATED, issue("second"), empty]
            await accounts.LinkAccount(LinkAccountRequest())
            assert server.seen[-1].metadata["authorization"] == "Bearer second"
            assert server.seen[-1].metadata["x-request-id"] == server.seen[1].metadata["x-request-id"]
            server.answers = [UNAUTHENTICATED, issue("third"), UNAUTHENTICATED]
            with pytest.raises(errors.Unauthenticated):
                await accounts.LinkAccount(LinkAccountRequest())
    assert len(server.seen) == 7


async def test_waiting_for_the_access_token_is_part_of_the_deadline(server: Answering) -> None:
    async with open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(server.address, access_tokens=access_tokens) as channel:
            server.answers = [never]
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await AccountServiceStub(channel).GetLinkInfo(REQUEST, timeout=0.2)
    assert caught.value.method == "/tessera.account.v1.AccountService/GetLinkInfo"
    assert {seen.method for seen in server.seen} <= {"/tessera.token.v1.TokenService/Token"}


async def test_workers_are_called_in_turn() -> None:
    async with Answering() as one, Answering() as two, open_channel(one.address, two.address) as channel:
        for _ in range(20):
            await AccountServiceStub(channel).GetLinkInfo(REQUEST, wait_for_ready=True)
        while not (one.seen and two.seen):
            await AccountServiceStub(channel).GetLinkInfo(REQUEST)


async def test_a_host_name_is_looked_up(server: Answering) -> None:
    async with open_channel(f"localhost:{server.port}") as channel:
        await AccountServiceStub(channel).GetLinkInfo(REQUEST)
    assert len(server.seen) == 1


@pytest.mark.parametrize("addresses", [(), ("token-0:50051", "token-1:50051"), ("10.0.0.1:50051", "[::1]:50051")])
def test_addresses_that_grpc_cannot_take_together_are_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(", ".join(addresses) or "no address")):
        open_channel(*addresses)


@pytest.mark.parametrize("address", ["token", "10.0.0.1", "::1", "[::1]", "http://token:50051", "token:grpc", ":50051"])
def test_an_address_has_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"not host:port: {address}")):
        open_channel(address)


async def test_tls_in_both_directions(tmp_path: Path) -> None:
    key, certificate = self_signed()
    proven = grpc.ssl_server_credentials([(key, certificate)], certificate, require_client_auth=True)
    async with Answering(credentials=proven) as server:
        both = grpc.ssl_channel_credentials(certificate, key, certificate)
        async with open_channel(server.address, tls=both) as channel:
            await AccountServiceStub(channel).GetLinkInfo(REQUEST)
        for stranger in (None, grpc.ssl_channel_credentials(certificate), grpc.ssl_channel_credentials()):
            async with open_channel(server.address, tls=stranger, retry=False) as channel:
                with pytest.raises(errors.Unavailable):
                    await AccountServiceStub(channel).GetLinkInfo(REQUEST)
    assert len(server.seen) == 1


def self_signed() -> tuple[bytes, bytes]:
    """A key and its certificate for 127.0.0.1, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)
