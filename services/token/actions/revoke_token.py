"""RevokeToken: a client has no more use for a token (RFC 7009)."""

from services.token import refresh_tokens
from services.token.actions.phases import access_tokens, admission, clients
from services.token.model import PresentedToken
from services.token.resources import Resources


async def revoke_token(resources: Resources, *, request: PresentedToken) -> None:
    """End what a token belongs to, if it is the client's: its session, or where it has none of its own the token alone.

    What is not the client's, or over already, is left as it is, and nobody is told (docs/adr/0028).

    Raises:
        InvalidRequest, InvalidClient, UnauthorizedClient: as the phases say.
    """
    client = await clients.authenticate(resources, request)
    await admission.admit(resources, client)
    domain_id, client_id, now = client.domain.domain_id, client.app.client_id, resources.clock.now()
    refresh_token = await refresh_tokens.opened(request.token, resources.keyring)
    if refresh_token is not None:
        if refresh_token.domain_id == domain_id:
            await resources.store.end_session(
                domain_id,
                refresh_token.session_id,
                client_id,
                secret_hash=refresh_token.secret_hash,
                now=now,
                event_id=resources.new_id(),
            )
        return
    access_token = await access_tokens.verify(resources, request.token)
    if access_token and (access_token.domain_id, access_token.client_id) == (domain_id, client_id):
        await resources.store.revoke_access_token(access_token, now, resources.new_id())
