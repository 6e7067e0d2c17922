"""`services` is account with the real token service; `alone` has its keys on disk, and of token the feed alone.

`alone` answers everything but LinkAccount.

Each test has domains of its own in it.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import pytest_asyncio

from services.account.config import ClientKey
from services.account.feeds import LinkFeed
from services.account.model.proofs import ProofKey
from services.account.outbox import Outbox
from services.account.peers import TokenPeer
from services.account.providers import ProviderKeys
from services.account.providers.names import Names
from services.account.resources import Resources
from services.account.senders.none import NoSender
from services.account.store import PARTITIONED, Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.partitions import Partitions
from tests.account.callers import Domain, keep_keys
from tests.account.running import VAULT, Account, running_account
from tests.account.whole_users import WholeUsers, running_both
from tests.account.with_token import MAY_LINK, Services, account_of
from tests.support.databases import Databases
from tests.support.revocations import silent_feed
from tests.support.token import Founded, founded_in, running

_DOMAINS = [f"d{number}" for number in range(500)]


@pytest.fixture(scope="package")
def unused_domains() -> Iterator[str]:
    return iter(_DOMAINS)


@pytest.fixture
def domain(unused_domains: Iterator[str]) -> Domain:
    return Domain(next(unused_domains))


@pytest.fixture
def other_domain(unused_domains: Iterator[str]) -> Domain:
    return Domain(next(unused_domains))


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid.uuid4()}"


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names()
    yield made
    made.close()


@pytest.fixture(scope="package")
def account_dsn(databases: Databases) -> str:
    return databases.fresh("account")


@pytest_asyncio.fixture(scope="package")
async def alone(account_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    state = tmp_path_factory.mktemp("account")
    keep_keys(state, _DOMAINS)
    async with silent_feed() as token, running_account(account_dsn, state, token) as account:
        yield account


@pytest_asyncio.fixture(scope="package")
async def database(account_dsn: str) -> AsyncIterator[Database]:
    """The database of `alone`."""
    database = Database(
        account_dsn, service="test", pool_size=20, statement_timeout=timedelta(seconds=10), clock=Clock()
    )
    await database.start()
    await Partitions(account_dsn, Clock(), PARTITIONED).attach()
    yield database
    await database.close()


@pytest.fixture(scope="package")
def store(database: Database) -> Store:
    """The statements, on the database of `alone`."""
    return Store(database, VAULT)


@pytest_asyncio.fixture(scope="package")
async def services(
    databases: Databases, account_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    async with (
        running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as token,
        account_of(token.settings, token.made, account_dsn, tmp_path_factory.mktemp("linking")) as account,
    ):
        app = await token.jwt_app(scopes=["ACCOUNT.ALL"])
        yield Services(account, token, await token.caller(*MAY_LINK), app)


@pytest_asyncio.fixture(scope="package")
async def resources(services: Services, database: Database) -> AsyncIterator[Resources]:
    """The parts of the service, as a use case inside it has them: for logon, which is not there yet."""
    token, identity = services.token, services.token.made["account"]
    key = ClientKey(identity["private_key_pem"]).private_key
    peer = TokenPeer(
        token.settings.listen, client_id=identity["client_id"], client_key=key, domain_id="bj1", clock=token.clock
    )
    store, provider_keys = Store(database, VAULT), ProviderKeys()
    yield Resources(
        store=store,
        token=peer,
        link_feed=LinkFeed(database),
        outbox=Outbox(store, peer, token.clock),
        clock=token.clock,
        proof_key=ProofKey(key),
        provider_keys=provider_keys,
        sender=NoSender(),
        connectors={},
    )
    await provider_keys.close()
    await peer.close()


@pytest_asyncio.fixture(scope="package")
async def founded(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return await founded_in(databases, tmp_path_factory.mktemp("founded"))


@pytest_asyncio.fixture(scope="package")
async def whole_users(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WholeUsers]:
    """Account and token, and a caller who may do all that is done with whole users."""
    async with running_both(databases, tmp_path_factory.mktemp("whole_users")) as made:
        yield made
