"""The one place where the account service's parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.account.config import AccountSettings
from services.account.connectors import Connector
from services.account.connectors.custom import Custom
from services.account.connectors.ding import Ding
from services.account.connectors.ldap import Ldap
from services.account.connectors.ram import Ram
from services.account.connectors.wechat import Wechat
from services.account.feeds import LinkFeed
from services.account.model.proofs import ProofKey
from services.account.outbox import Outbox
from services.account.peers import TokenPeer
from services.account.providers import ProviderKeys
from services.account.providers.names import Names
from services.account.resources import Resources
from services.account.senders.by_type import chosen
from services.account.senders.console import ConsoleSender
from services.account.service import SERVED
from services.account.store import PARTITIONED, Store
from services.account.user_follower import UserFollower
from services.account.user_sweep import UserSweep
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.following import following
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.server import Wiring, servicers
from services.runtime.vault import Vault


@asynccontextmanager
async def wire(settings: AccountSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database; the token service may be away."""
    token = TokenPeer(
        settings.token_address,
        client_id=settings.client_id,
        client_key=settings.client_key.private_key,
        domain_id=settings.domain_id,
        clock=clock,
        tls=settings.token_tls,
    )
    names, console = Names(), ConsoleSender(settings.state_dir)
    provider_keys = ProviderKeys(names)
    store, process = Store(database, Vault(settings.master_key.secret)), uuid7(clock.now())
    # By type: whatever asks user systems of it. Codes go by the sender.
    custom, wechat, ldap = Custom(names, provider_keys, clock), Wechat(names), Ldap(names)
    connectors: dict[str, Connector] = {
        "custom": custom,
        "ram": Ram(names, provider_keys, clock),
        "ding": Ding(names),
        "wechat": wechat,
        "ldap": ldap,
    }
    link_feed, outbox = LinkFeed(database), Outbox(store, token, clock)
    resources = Resources(
        store=store,
        token=token,
        link_feed=link_feed,
        outbox=outbox,
        clock=clock,
        proof_key=ProofKey(settings.client_key.private_key),
        provider_keys=provider_keys,
        sender=chosen(settings, console),
        connectors=connectors,
        console=console if "console" in (settings.mobile_sender, settings.email_sender) else None,
    )
    user_follower = UserFollower(store, token, clock, process)
    user_sweep = UserSweep(store, token, clock, process)
    partitions = Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED)
    async with following("account", settings, clock) as (authenticator, keys):
        await partitions.start()
        user_follower.start()
        user_sweep.start()
        outbox.start()
        try:
            yield Wiring(
                servicers=tuple(servicers(SERVED, resources)),
                authenticator=authenticator,
                problems={"keys": lambda: keys.problem, "partitions": lambda: partitions.problem},
            )
        finally:
            await outbox.close()
            await user_sweep.close()
            await user_follower.close()
            await link_feed.close()
            await custom.close()
            await wechat.close()
            await ldap.close()
            await provider_keys.close()
            await partitions.close()
            await token.close()
