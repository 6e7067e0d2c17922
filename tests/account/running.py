"""An account service in this process, as its settings would start it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tessera.account.v1 import (
    account_admin_service_pb2_grpc,
    account_service_pb2_grpc,
    domain_settings_service_pb2_grpc,
    link_service_pb2_grpc,
    user_data_service_pb2_grpc,
    user_system_service_pb2_grpc,
)

from services.account.config import AccountSettings, ClientKey
from services.account.wiring import wire
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.server import opened
from services.runtime.vault import MasterKey, Vault
from tests.support.ports import free_ports

MASTER_KEY_TEXT = "A" * 43 + "="
MASTER_KEY = MasterKey(MASTER_KEY_TEXT)
VAULT = Vault(MASTER_KEY.secret)


class Account:
    """Stubs of an account service, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.links = account_service_pb2_grpc.AccountServiceStub(channel)
        self.open_accounts = account_service_pb2_grpc.OpenAccountServiceStub(channel)
        self.settings = domain_settings_service_pb2_grpc.DomainSettingsServiceStub(channel)
        self.link_lists = link_service_pb2_grpc.LinkServiceStub(channel)
        self.admin = account_admin_service_pb2_grpc.AccountAdminServiceStub(channel)
        self.user_data = user_data_service_pb2_grpc.UserDataServiceStub(channel)
        self.user_systems = user_system_service_pb2_grpc.UserSystemServiceStub(channel)


def new_client_key() -> str:
    """A private key of a service identity, in PEM."""
    return in_pem(ec.generate_private_key(ec.SECP256R1()))


def in_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """A private key as a service is handed it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def running_account(
    dsn: str,
    state: Path,
    token: Address,
    *,
    client_id: str = "account",
    client_key: str = "",
    domain_id: str = "bj1",
    sender: str = "console",
) -> AsyncIterator[Account]:
    """Run the service on a port of its own; token need not be there."""
    settings = AccountSettings(
        listen=(Address("127.0.0.1", free_ports(1)[0]),),
        dsn=dsn,
        state_dir=state,
        drain=timedelta(0),
        token_address=(token,),
        client_id=client_id,
        client_key=ClientKey(client_key or new_client_key()),
        domain_id=domain_id,
        master_key=MASTER_KEY,
        mobile_sender=sender,
        email_sender=sender,
    )
    async with (
        opened("account", settings, wire, Clock()),
        grpc.aio.insecure_channel(str(settings.listen[0])) as channel,
    ):
        yield Account(channel)
