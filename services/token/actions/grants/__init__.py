"""The grants: one file each, all of the same shape.

`answer(resources, client, request)` is called after the client was authenticated and found to be allowed the grant.
"""

from collections.abc import Awaitable, Callable, Mapping

from services.token.actions.grants import (
    authorization_code,
    client_credentials,
    device_code,
    jwt_bearer,
    refresh_token,
    token_exchange,
)
from services.token.actions.phases.admission import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
)
from services.token.actions.phases.clients import Client
from services.token.model import Issued, TokenRequest
from services.token.resources import Resources

GRANTS: Mapping[str, Callable[[Resources, Client, TokenRequest], Awaitable[Issued]]] = {
    AUTHORIZATION_CODE: authorization_code.answer,
    REFRESH_TOKEN: refresh_token.answer,
    JWT_BEARER: jwt_bearer.answer,
    CLIENT_CREDENTIALS: client_credentials.answer,
    TOKEN_EXCHANGE: token_exchange.answer,
    DEVICE_CODE: device_code.answer,
}

# The vendor's JavaScript client says `code`.
ALIASES = {"code": AUTHORIZATION_CODE}
