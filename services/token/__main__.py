"""The token service's process, and the one place where its parts meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tessera.edge import external_auth_pb2, external_auth_pb2_grpc
from tessera.token.v1 import (
    access_token_service_pb2,
    access_token_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    domain_service_pb2,
    domain_service_pb2_grpc,
    feed_service_pb2,
    feed_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    signing_key_service_pb2,
    signing_key_service_pb2_grpc,
    token_admin_service_pb2,
    token_admin_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)

from services.runtime.auth import Authenticator
from services.runtime.batching import Batches
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.listening import Listener
from services.runtime.partitions import Partitions
from services.runtime.revocations import Follower, Revocations
from services.runtime.server import Command, Servicer, Wiring, run
from services.token.admin_service import DomainServicer, TokenAdminServicer
from services.token.bootstrap import bootstrap, declare
from services.token.callers import gateway_by_basic
from services.token.config import TokenSettings
from services.token.directory import Directory
from services.token.edge import AuthorizationServicer
from services.token.feeds import Feeds
from services.token.key_rotation import KeyRotation
from services.token.keys import Keyring
from services.token.limits import GrantLimits
from services.token.resources import Lifetimes, Resources
from services.token.retention import Retention
from services.token.service import (
    AccessTokenServicer,
    AuditServicer,
    KeyServicer,
    MintServicer,
    RevocationServicer,
    TokenServicer,
    UserFeedServicer,
)
from services.token.session_service import SessionServicer
from services.token.signing_key_service import SigningKeyServicer
from services.token.store import CHANGES, PARTITIONED, Store
from services.token.user_service import UserServicer
from services.token.vault import Vault


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
    resources = Resources(
        store=store,
        rotations=Batches(store.rotate_sessions),
        directory=directory,
        keyring=keyring,
        key_rotation=key_rotation,
        vault=vault,
        feeds=feeds,
        clock=clock,
        lifetimes=Lifetimes(settings.access_token_lifetime, settings.session_idle, settings.session_lifetime),
        limits=GrantLimits(clock, settings.workers),
        default_domain=settings.default_domain,
    )
    revocations = Revocations(clock, settings.revocations_max_age)
    follower = Follower(feeds.watch_revocations, revocations)
    tokens, admin = token_service_pb2.DESCRIPTOR, token_admin_service_pb2.DESCRIPTOR
    told = feed_service_pb2.DESCRIPTOR
    access_tokens, edge = access_token_service_pb2.DESCRIPTOR, external_auth_pb2.DESCRIPTOR
    await keyring.start()
    await partitions.start()
    await key_rotation.start()
    follower.start()
    retention.start()
    listener.start()
    try:
        yield Wiring(
            servicers=(
                Servicer(
                    tokens.services_by_name["TokenService"],
                    token_service_pb2_grpc.add_TokenServiceServicer_to_server,
                    TokenServicer(resources),
                ),
                Servicer(
                    tokens.services_by_name["MintService"],
                    token_service_pb2_grpc.add_MintServiceServicer_to_server,
                    MintServicer(resources),
                ),
                Servicer(
                    tokens.services_by_name["KeyService"],
                    token_service_pb2_grpc.add_KeyServiceServicer_to_server,
                    KeyServicer(resources),
                ),
                Servicer(
                    access_tokens.services_by_name["AccessTokenService"],
                    access_token_service_pb2_grpc.add_AccessTokenServiceServicer_to_server,
                    AccessTokenServicer(resources),
                ),
                Servicer(
                    admin.services_by_name["TokenAdminService"],
                    token_admin_service_pb2_grpc.add_TokenAdminServiceServicer_to_server,
                    TokenAdminServicer(resources),
                ),
                Servicer(
                    signing_key_service_pb2.DESCRIPTOR.services_by_name["SigningKeyService"],
                    signing_key_service_pb2_grpc.add_SigningKeyServiceServicer_to_server,
                    SigningKeyServicer(resources),
                ),
                Servicer(
                    told.services_by_name["RevocationService"],
                    feed_service_pb2_grpc.add_RevocationServiceServicer_to_server,
                    RevocationServicer(resources),
                ),
                Servicer(
                    told.services_by_name["UserFeedService"],
                    feed_service_pb2_grpc.add_UserFeedServiceServicer_to_server,
                    UserFeedServicer(resources),
                ),
                Servicer(
                    domain_service_pb2.DESCRIPTOR.services_by_name["DomainService"],
                    domain_service_pb2_grpc.add_DomainServiceServicer_to_server,
                    DomainServicer(resources),
                ),
                Servicer(
                    user_service_pb2.DESCRIPTOR.services_by_name["UserService"],
                    user_service_pb2_grpc.add_UserServiceServicer_to_server,
                    UserServicer(resources),
                ),
                Servicer(
                    session_service_pb2.DESCRIPTOR.services_by_name["SessionService"],
                    session_service_pb2_grpc.add_SessionServiceServicer_to_server,
                    SessionServicer(resources),
                ),
                Servicer(
                    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
                    audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
                    AuditServicer(resources),
                ),
                Servicer(
                    edge.services_by_name["Authorization"],
                    external_auth_pb2_grpc.add_AuthorizationServicer_to_server,
                    AuthorizationServicer(resources),
                ),
            ),
            authenticator=Authenticator("token", keyring, clock, revocations, gateway_by_basic(resources)),
            problems={"keys": lambda: keyring.problem, "partitions": lambda: partitions.problem},
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


if __name__ == "__main__":
    run(
        "token",
        TokenSettings,
        wire,
        commands={"bootstrap": Command("make the first domain and the services' identities, once", declare, bootstrap)},
    )
