"""The one place where the token service's parts meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from tessera.edge import external_auth_pb2, external_auth_pb2_grpc

from services.runtime.auth import Authenticator
from services.runtime.batching import Batches
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.limits import CallLimits
from services.runtime.listening import Listener
from services.runtime.partitions import Partitions
from services.runtime.revocations import Follower, Revocations
from services.runtime.server import Servicer, Wiring, servicers
from services.runtime.vault import Vault
from services.token.actions.phases import refusals
from services.token.callers import GatewayByBasic
from services.token.config import TokenSettings
from services.token.directory import Directory
from services.token.edge import AuthorizationServicer
from services.token.feeds import Feeds
from services.token.key_rotation import KeyRotation
from services.token.keys import Keyring
from services.token.limits import GrantLimits
from services.token.resources import Lifetimes, Resources
from services.token.retention import Retention
from services.token.service import SERVED
from services.token.store import CHANGES, PARTITIONED, Store


@asynccontextmanager
async def wire(settings: TokenSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database."""
    store, vault = Store(database), Vault(settings.master_key.secret)
    keyring = Keyring(store.select_signing_keys, store.select_changed_signing_keys, vault)
    key_rotation = KeyRotation(store, keyring, vault, clock, settings.key_publish_ahead)
    partitions = Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED)
    feeds = Feeds.of(database)
    retention = Retention(store, clock)
    directory = Directory(store, vault, lambda: listener.heard_at)
    listener = Listener(
        settings.direct_dsn or settings.dsn, CHANGES, _taking_changes(directory, keyring), directory.forget_all
    )
    revocations = Revocations(clock, settings.revocations_max_age)
    resources = Resources(
        store=store,
        rotations=Batches(store.rotate_sessions),
        nonces=Batches(store.insert_nonces),
        directory=directory,
        keyring=keyring,
        key_rotation=key_rotation,
        vault=vault,
        feeds=feeds,
        clock=clock,
        lifetimes=Lifetimes(settings.access_token_lifetime, settings.session_idle, settings.session_lifetime),
        limits=GrantLimits(clock, settings.workers),
        call_limits=CallLimits(settings.calls_per_second),
        revocations=revocations,
        default_domain=settings.default_domain,
    )
    follower = Follower(feeds.watch_revocations, revocations)
    await keyring.start()
    await partitions.start()
    await key_rotation.start()
    follower.start()
    retention.start()
    listener.start()
    try:
        yield Wiring(
            servicers=(
                *servicers(SERVED, resources),
                Servicer(
                    external_auth_pb2.DESCRIPTOR.services_by_name["Authorization"],
                    external_auth_pb2_grpc.add_AuthorizationServicer_to_server,
                    AuthorizationServicer(resources),
                ),
            ),
            authenticator=Authenticator("token", keyring, clock, revocations, GatewayByBasic(resources)),
            problems={"keys": lambda: keyring.problem, "partitions": lambda: partitions.problem},
            denied=partial(refusals.write_denied, resources),
            # For keys and revocations, and account to have tokens issued.
            callers=("account", "binding"),
        )
    finally:
        await follower.close()
        await feeds.close()
        await key_rotation.close()
        await keyring.close()
        await partitions.close()
        await retention.close()
        await listener.close()


def _taking_changes(directory: Directory, keyring: Keyring) -> Callable[[str], None]:
    """What is to be done about a change that `Store.notify_change` tells of."""
    asking: set[asyncio.Task[None]] = set()

    def take(change: str) -> None:
        kind, _, identifier = change.partition(":")
        if kind == "signing_key":
            task = asyncio.create_task(keyring.ask(), name="signing keys")
            asking.add(task)
            task.add_done_callback(asking.discard)
        else:
            directory.forget(kind, identifier)

    return take
