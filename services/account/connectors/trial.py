"""What can be tried of a user system that speaks OpenID Connect while nobody logs on; what is wrong, in sentences."""

import secrets

import httpx

from services.account.connectors.code_flow import Credentials, SystemSigner
from services.account.connectors.strangers import plain
from services.account.providers.documents import DocumentError
from services.account.providers.fetch import FetchError, Reach, request_json
from services.account.providers.keys import fetch_keys

# Where nobody is ever sent (RFC 2606): a code that there is not belongs to no address.
_NOWHERE = "https://client.invalid/"
_UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")


async def try_keys(signer: SystemSigner, reach: Reach) -> list[str]:
    """Whether it has keys for a signature that we take."""
    try:
        keys = await fetch_keys(signer, reach)
    except (FetchError, DocumentError) as error:
        return [f"The keys of the user system cannot be had: {error}."]
    if any(key.algorithm in signer.algorithms for key in keys):
        return []
    return [f"The user system has no key for {' or '.join(signer.algorithms)}."]


async def try_client(endpoint: str, reach: Reach, credentials: Credentials) -> list[str]:
    """Whether the token endpoint knows our client: a code that there is not is refused by who does."""
    fields, auth = credentials
    form = {
        "grant_type": "authorization_code",
        "code": secrets.token_urlsafe(16),
        "redirect_uri": _NOWHERE,
        "code_verifier": secrets.token_urlsafe(32),
        **fields,
    }
    try:
        answer = await request_json("POST", endpoint, reach, form=form, auth=auth)
    except FetchError as error:
        return [f"The token endpoint cannot be reached: {error}."]
    said = plain(answer.body.get("error")) if isinstance(answer.body, dict) else ""
    if said in _UNKNOWN_CLIENT or answer.status == httpx.codes.UNAUTHORIZED:
        return [f"The token endpoint does not take the client id with its secret: {said or 'status 401'}."]
    if not said:
        return [f"The token endpoint does not answer as OAuth has it: status {answer.status} and no error code."]
    # It looked further than at the client.
    return []
