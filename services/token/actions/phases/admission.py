"""What a type of app may do: the one table of grants and ways of authentication."""

from dataclasses import dataclass

from services.runtime.errors import Refusal
from services.token.actions.phases import refusals
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidClient, UnauthorizedClient
from services.token.events import EventName
from services.token.model import AppType, AuthMethod
from services.token.resources import Resources

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 a grant's name
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 a grant's name


@dataclass(frozen=True, slots=True)
class Rules:
    """Grants and ways of authentication of one type of app."""

    grants: tuple[str, ...]
    methods: tuple[AuthMethod, ...]


_SECRET = (AuthMethod.BASIC, AuthMethod.POST, AuthMethod.PRIVATE_KEY_JWT)
_PUBLIC = (AuthMethod.NONE,)

RULES = {
    AppType.WEB_SERVER: Rules((AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE), _SECRET),
    AppType.WEB_BROWSER: Rules((AUTHORIZATION_CODE, REFRESH_TOKEN), _PUBLIC),
    AppType.NATIVE: Rules((AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE), _PUBLIC),
    # Its assertions prove it; the vendor's clients refresh without proving anything more.
    AppType.JWT: Rules((JWT_BEARER, REFRESH_TOKEN), (AuthMethod.NONE, AuthMethod.PRIVATE_KEY_JWT)),
    AppType.SERVICE: Rules((CLIENT_CREDENTIALS, TOKEN_EXCHANGE), _SECRET),
}


def redeems_codes(app_type: AppType) -> bool:
    """Whether apps of a type redeem authorization codes."""
    return AUTHORIZATION_CODE in RULES[app_type].grants


def is_public(app_type: AppType) -> bool:
    """Whether apps of a type have no secret, so that PKCE must bind a code to who asked for it."""
    return RULES[app_type].methods == _PUBLIC


async def admit(resources: Resources, client: Client, grant_type: str = "") -> None:
    """Check that a client authenticated as its type must, is admitted, and may use a grant, where one is asked for.

    What a client that proved itself was refused is audited.

    Raises:
        InvalidClient: its type proves itself in another way.
        UnauthorizedClient: it is not admitted to its domain, or its type does not use the grant, or no operator has
            switched that on for it.
    """
    try:
        _check(client, grant_type)
    except Refusal as refusal:
        if refusals.is_proven(client):
            event = EventName.GRANT_REFUSED if grant_type else EventName.CLIENT_REFUSED
            # Ours: the app's id, its type, the grant.
            await refusals.write(resources, client, event, refusal.detail or refusal.reason)
        raise


def _check(client: Client, grant_type: str) -> None:
    rules = RULES[client.app.type]
    if client.method not in rules.methods:
        raise InvalidClient(detail=f"{client.app.type} {client.app.client_id} does not authenticate by {client.method}")
    if not client.app.admitted:
        raise UnauthorizedClient(detail=f"{client.app.client_id} is not admitted")
    if grant_type and grant_type not in rules.grants:
        raise UnauthorizedClient(detail=f"{client.app.type} does not use {grant_type}")
    if grant_type == DEVICE_CODE and not client.app.device_flow:
        raise UnauthorizedClient(detail=f"device_flow is off for {client.app.client_id}")
