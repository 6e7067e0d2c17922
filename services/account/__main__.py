"""The account service's process, and the one place where its parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tessera.account.v1 import (
    account_admin_service_pb2,
    account_admin_service_pb2_grpc,
    account_service_pb2,
    account_service_pb2_grpc,
)

from services.account.config import AccountSettings
from services.account.peers import TokenPeer
from services.account.service import AccountAdminServicer, AccountServicer, OpenAccountServicer
from services.account.store import Store
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.keys import RemoteKeys
from services.runtime.revocations import RemoteFollower, Revocations
from services.runtime.server import Servicer, Wiring, run


@asynccontextmanager
async def wire(settings: AccountSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database; the token service may be away."""
    store = Store(database)
    token = TokenPeer(
        settings.token_address,
        client_id=settings.client_id,
        client_key=settings.client_key.private_key,
        domain_id=settings.domain_id,
        clock=clock,
    )
    keys = RemoteKeys(settings.token_address, settings.state_dir)
    revocations = Revocations(clock, settings.revocations_max_age)
    follower = RemoteFollower(settings.token_address, revocations)
    await keys.start()
    follower.start()
    try:
        yield Wiring(
            servicers=[
                Servicer(
                    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
                    account_service_pb2_grpc.add_AccountServiceServicer_to_server,
                    AccountServicer(store, token, clock),
                ),
                Servicer(
                    account_service_pb2.DESCRIPTOR.services_by_name["OpenAccountService"],
                    account_service_pb2_grpc.add_OpenAccountServiceServicer_to_server,
                    OpenAccountServicer(store),
                ),
                Servicer(
                    account_admin_service_pb2.DESCRIPTOR.services_by_name["AccountAdminService"],
                    account_admin_service_pb2_grpc.add_AccountAdminServiceServicer_to_server,
                    AccountAdminServicer(store, clock),
                ),
            ],
            authenticator=Authenticator("account", keys, clock, revocations),
            problems={"keys": lambda: keys.problem},
        )
    finally:
        await follower.close()
        await keys.close()
        await token.close()


if __name__ == "__main__":
    run("account", AccountSettings, wire)
