"""People of a domain, who call by tokens of their own."""

from tests.support.calls import Metadata, bearer
from tests.support.token import Running
from tests.support.token_client import App

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
