"""People of a domain, who call by tokens of their own; and a second domain."""

import asyncio

import grpc

from services.token.bootstrap import _insert_domain, _insert_identities, _insert_superadmin
from services.token.identities import Identities
from services.token.model import Domain
from services.token.store import Store
from services.token.vault import Vault
from tests.support.calls import Metadata, bearer
from tests.support.token import Running
from tests.support.token_client import App, TokenClient

# Together these open all that a superadmin may.
EVERYTHING = ("ACCOUNT.ALL", "OAUTH.ALL", "USER.ALL")


async def people_app(service: Running) -> App:
    """An app through which people administer."""
    return await service.web_app(scopes=EVERYTHING)


async def superadmin(service: Running, app: App | None = None) -> Metadata:
    """The domain's first superadmin, whom bootstrap made."""
    return await person(service, app or await people_app(service), service.made["user_id"])


async def person(service: Running, app: App, user_id: str) -> Metadata:
    """A user, after it logged on."""
    return bearer((await service.redeem(app, await service.code(app, user_id))).access_token)


async def second_domain(service: Running, domain_id: str = "bj2") -> TokenClient:
    """Another domain in the same service, with an operator of its own."""
    domain = Domain(domain_id, f"https://{domain_id}.example.com", EVERYTHING)
    identities, now = Identities.make(), service.clock.now()
    async with service.database() as database, Store(database).transaction() as unit:
        await _insert_domain(unit, domain, Vault(service.settings.master_key.secret), now)
        user_id = await _insert_superadmin(unit, domain, now)
        await _insert_identities(unit, domain, identities, now)
    operator = {"client_id": identities.operator_client_id, "client_secret": identities.operator_client_secret}
    client = TokenClient(service.channel, {"domain_id": domain_id, "user_id": user_id, "operator": operator})
    async with asyncio.timeout(30):
        # Until every worker has its keys.
        while not await _answers(client):
            await asyncio.sleep(0.05)
    return client


async def _answers(client: TokenClient) -> bool:
    try:
        await client.operator()
    except grpc.aio.AioRpcError:
        return False
    return True
