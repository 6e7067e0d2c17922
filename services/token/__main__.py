"""The token service's process, and the one place where its parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tessera.edge import external_auth_pb2, external_auth_pb2_grpc
from tessera.token.v1 import (
    access_token_service_pb2,
    access_token_service_pb2_grpc,
    token_admin_service_pb2,
    token_admin_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)

from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.partitions import Partitions
from services.runtime.server import Command, Servicer, Wiring, run
from services.token.bootstrap import bootstrap, declare
from services.token.callers import gateway_by_basic
from services.token.config import TokenSettings
from services.token.directory import Directory
from services.token.edge import AuthorizationServicer
from services.token.keys import Keyring
from services.token.resources import Lifetimes, Resources
from services.token.service import AccessTokenServicer, KeyServicer, MintServicer, TokenAdminServicer, TokenServicer
from services.token.store import PARTITIONED, Store
from services.token.vault import Vault


@asynccontextmanager
async def wire(settings: TokenSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database."""
    store, vault = Store(database), Vault(settings.master_key.secret)
    keyring = Keyring(store.select_signing_keys, store.select_signing_key_version, vault)
    partitions = Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED)
    resources = Resources(
        store=store,
        directory=Directory(store, vault),
        keyring=keyring,
        vault=vault,
        clock=clock,
        lifetimes=Lifetimes(settings.access_token_lifetime, settings.session_idle, settings.session_lifetime),
        default_domain=settings.default_domain,
    )
    tokens, admin = token_service_pb2.DESCRIPTOR, token_admin_service_pb2.DESCRIPTOR
    access_tokens, edge = access_token_service_pb2.DESCRIPTOR, external_auth_pb2.DESCRIPTOR
    await keyring.start()
    await partitions.start()
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
                    edge.services_by_name["Authorization"],
                    external_auth_pb2_grpc.add_AuthorizationServicer_to_server,
                    AuthorizationServicer(resources),
                ),
            ),
            authenticator=Authenticator("token", keyring, clock, gateway_by_basic(resources)),
            problems={"keys": lambda: keyring.problem, "partitions": lambda: partitions.problem},
        )
    finally:
        await keyring.close()
        await partitions.close()


if __name__ == "__main__":
    run(
        "token",
        TokenSettings,
        wire,
        commands={"bootstrap": Command("make the first domain and the services' identities, once", declare, bootstrap)},
    )
