"""Signing keys of a running token service: how they are, and what verifies by them."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from google.protobuf import json_format
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet
from tessera.token.v1 import signing_key_service_pb2 as pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime import jws
from services.runtime.env import Address
from services.runtime.vault import Vault
from services.token.key_rotation import KeyRotation
from services.token.keys import Keyring
from services.token.store import Store
from tests.support.calls import bearer, refused
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Running, serving

AHEAD = timedelta(hours=1)
USES = {
    "access": pb2.SigningKey.USE_ACCESS,
    "edge": pb2.SigningKey.USE_EDGE,
    "refresh": pb2.SigningKey.USE_REFRESH,
}
ALGORITHMS = ["RS256", "ES256", "EdDSA"]


@asynccontextmanager
async def another(service: Running) -> AsyncIterator[Running]:
    """One more process of the same service, on the same database."""
    settings = replace(service.settings, listen=(Address("127.0.0.1", free_ports(1)[0]),))
    async with serving(settings, service.made) as other:
        yield other


@asynccontextmanager
async def rotation(service: Running) -> AsyncIterator[KeyRotation]:
    """What a further process of the service would do, by the same clock, when it is told to.

    The lease is taken from the service for good: what is done is what the test does.
    """
    async with service.database() as database:
        await database.execute(
            "insert into token.lease values ('rotation', gen_random_uuid(), 'infinity') "
            "on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at"
        )
        store, vault = Store(database), Vault(service.settings.master_key.secret)
        keyring = Keyring(store.select_signing_keys, store.select_changed_signing_keys, vault)
        yield KeyRotation(store, keyring, vault, service.clock, AHEAD)


async def listed(service: Running, use: str) -> dict[str, pb2.SigningKey]:
    """A use's keys by their states, those that are retired left out."""
    request = pb2.ListSigningKeysRequest(page_size=1000)
    answer = await service.signing_keys.ListSigningKeys(request, metadata=await service.operator())
    return {
        pb2.SigningKey.State.Name(key.state).removeprefix("STATE_").lower(): key
        for key in answer.signing_keys
        if key.use == USES[use] and key.state != pb2.SigningKey.STATE_RETIRED
    }


async def rotate(service: Running, use: str, *, immediately: bool = False) -> pb2.SigningKey:
    request = pb2.RotateSigningKeyRequest(use=USES[use], immediately=immediately)
    return (await service.signing_keys.RotateSigningKey(request, metadata=await service.operator())).signing_key


async def revoke(service: Running, key_id: str) -> pb2.SigningKey:
    request = pb2.RevokeSigningKeyRequest(key_id=key_id)
    return (await service.signing_keys.RevokeSigningKey(request, metadata=await service.operator())).signing_key


async def jwks(service: Running) -> KeySet:
    """The public keys, for a library that Tessera does not use."""
    answer = await service.tokens.GetJwks(token_service_pb2.GetJwksRequest(domain_id=DOMAIN))
    return KeySet.import_key_set(json_format.MessageToDict(answer, preserving_proto_field_name=True))


async def key_ids(service: Running) -> set[str]:
    """Ids of the public keys."""
    return {key.kid for key in (await jwks(service)).keys if key.kid}


def verified(access_token: str, keys: KeySet) -> jwt.Token:
    """An access token whose signature another library has found good."""
    with warnings.catch_warnings():
        # RFC 9864 has a new name for it, which no other library knows yet.
        warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
        return jwt.decode(access_token, keys, algorithms=ALGORITHMS)


def key_of(access_token: str) -> str:
    """Id of the key that a token names."""
    return str(jws.read(access_token).header["kid"])


async def until(condition: Callable[[], Any], seconds: float = 15) -> None:
    """Wait until something that is awaited answers yes."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def verification_key_ids(service: Running) -> set[str]:
    """Ids of the keys that services verify by."""
    answer = await service.keys.ListVerificationKeys(token_service_pb2.ListVerificationKeysRequest())
    return {key.key_id for key in answer.keys}


async def states(service: Running) -> list[tuple[str, str]]:
    """Use and state of every key in the database."""
    async with service.database() as database:
        rows = await database.fetch("select use, state from token.signing_key order by use, state")
    return [(row["use"], row["state"]) for row in rows]


async def events(service: Running, what: str) -> list[str]:
    """Details of the audit rows about signing keys of one kind."""
    return [row["detail"] for row in await service.audit(event=f"signing_key.{what}")]


async def accepted(service: Running, token: token_pb2.Token) -> bool:
    """Whether the service believes an access token. One that it believes reaches an RPC that it may not call."""
    request = token_service_pb2.GetUserRequest(domain_id=DOMAIN, user_id="x")
    call = service.mint.GetUser(request, metadata=bearer(token.access_token))
    reason = (await refused(call)).reason
    assert reason in ("PERMISSION_DENIED", "UNAUTHENTICATED"), reason
    return reason == "PERMISSION_DENIED"
