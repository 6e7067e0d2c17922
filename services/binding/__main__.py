"""The binding service's process, and the one place where its parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from services.binding.config import BindingSettings
from services.binding.service import BindingServicer
from services.binding.store import Store
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.keys import RemoteKeys
from services.runtime.revocations import RemoteFollower, Revocations
from services.runtime.server import Servicer, Wiring, run


@asynccontextmanager
async def wire(settings: BindingSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database; the token service may be away."""
    keys = RemoteKeys(settings.token_address, settings.state_dir)
    revocations = Revocations(clock, settings.revocations_max_age)
    follower = RemoteFollower(settings.token_address, revocations)
    await keys.start()
    follower.start()
    try:
        yield Wiring(
            servicers=[
                Servicer(
                    binding_service_pb2.DESCRIPTOR.services_by_name["BindingService"],
                    binding_service_pb2_grpc.add_BindingServiceServicer_to_server,
                    BindingServicer(Store(database), clock),
                ),
            ],
            authenticator=Authenticator("binding", keys, clock, revocations),
            problems={"keys": lambda: keys.problem},
        )
    finally:
        await follower.close()
        await keys.close()


if __name__ == "__main__":
    run("binding", BindingSettings, wire)
