import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.runtime import jws
from services.runtime.env import Address
from services.runtime.keys import ACCESS, RemoteKeys
from tests.support.ports import free_ports


class _Answering(token_service_pb2_grpc.KeyServiceServicer):
    """A token service of very many domains."""

    def __init__(self) -> None:
        self.keys = [_key(number) for number in range(20_000)]

    async def ListVerificationKeys(self, _request: Any, _context: Any) -> Any:  # noqa: N802 gRPC's name
        return token_service_pb2.ListVerificationKeysResponse(keys=self.keys)


def _key(number: int) -> token_pb2.VerificationKey:
    """An RSA key, as far as its length goes."""
    jwk = token_pb2.JsonWebKey(kty="RSA", use="sig", alg="RS256", kid=f"k{number}", e="AQAB")
    jwk.n = jws.encode(b"\xc0" + os.urandom(254) + b"\x01")
    return token_pb2.VerificationKey(
        use=ACCESS, key_id=jwk.kid, issuer=f"https://{number}.example.com", domain_id=f"d{number}", jwk=jwk
    )


@pytest.fixture
async def answering() -> AsyncIterator[tuple[_Answering, Address]]:
    address, servicer, server = Address("127.0.0.1", free_ports(1)[0]), _Answering(), grpc.aio.server()
    token_service_pb2_grpc.add_KeyServiceServicer_to_server(servicer, server)
    server.add_insecure_port(str(address))
    await server.start()
    yield servicer, address
    await server.stop(0)


async def test_the_keys_of_ten_thousand_domains(answering: tuple[_Answering, Address], tmp_path: Path) -> None:
    servicer, address = answering
    keys = RemoteKeys((address,), tmp_path)
    try:
        await keys.ask()
        assert keys.problem is None
        first, gone = keys.get("k0"), keys.get("k19999")
        assert first
        assert gone
        assert first.domain_id == "d0"
        servicer.keys[-1] = _key(20_000)
        keys._asked = 0
        await keys.ask()
        # What was there already was not read again.
        assert keys.get("k0") is first
        assert keys.get("k19999") is None
        assert keys.get("k20000")
    finally:
        await keys.close()


async def test_a_kept_key_that_is_none_keeps_no_service_from_starting(tmp_path: Path) -> None:
    broken = _key(0)
    broken.jwk.n = ""
    answer = token_service_pb2.ListVerificationKeysResponse(keys=[broken])
    (tmp_path / "verification_keys.binpb").write_bytes(answer.SerializeToString())
    keys = RemoteKeys((Address("127.0.0.1", free_ports(1)[0]),), tmp_path)
    try:
        await keys.start()
        assert keys.problem
    finally:
        await keys.close()
