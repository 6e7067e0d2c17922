"""`python -m tests.bench.sending`: sends requests that were made beforehand, each once, and tells how long each took.

They are HTTP requests to a gateway, or what a gateway asks token about one. It reads `Sending` from standard input as
JSON, and writes `client.Answers` to standard output.
"""

import asyncio
import base64
import dataclasses
import json
import sys

import grpc
import uvloop
from tessera.edge import external_auth_pb2 as auth_pb2

from tests.bench import client

_CHECK = "/envoy.service.auth.v3.Authorization/Check"


@dataclasses.dataclass(frozen=True)
class Sending:
    """What is to be sent.

    Args:
        address: `host:port` of a gateway, or of who answers Check.
        authorization: value of the metadata of each Check; empty: it is no Check, but HTTP.
        seconds: how long; shorter where no chain has requests left.
        chains: for each chain its requests, in base64: a CheckRequest, or an HTTP request from its first line on.
    """

    address: str
    authorization: str
    seconds: float
    chains: list[list[str]]


async def send(sending: Sending) -> client.Answers:
    """Send them."""
    made = client.Chains(sending.seconds, again=False)
    chains = [[base64.b64decode(each) for each in chain] for chain in sending.chains]
    await (_check if sending.authorization else _request)(sending, chains, made)
    return made.answers()


async def _check(sending: Sending, chains: list[list[bytes]], made: client.Chains) -> None:
    metadata = (("authorization", sending.authorization),)
    async with grpc.aio.insecure_channel(sending.address) as channel:
        stub = channel.unary_unary(_CHECK, bytes, auth_pb2.CheckResponse.FromString)

        async def call(message: bytes) -> None:
            answer = await stub(message, metadata=metadata, timeout=client.TIMEOUT_SECONDS)
            if answer.status.code:
                raise ValueError(answer.denied_response.body)

        made.begin()
        await asyncio.gather(*(made.run(call, chain) for chain in chains))


async def _request(sending: Sending, chains: list[list[bytes]], made: client.Chains) -> None:
    connections = [client.Connection(*await asyncio.open_connection(*sending.address.split(":"))) for _ in chains]
    made.begin()
    await asyncio.gather(
        *(made.run(connection.exchange, chain) for connection, chain in zip(connections, chains, strict=True))
    )
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    client.answer(uvloop.run(send(Sending(**json.load(sys.stdin)))))
