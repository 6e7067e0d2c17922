"""refresh_token: RFC 6749 section 6, rotated at every use (RFC 9700 section 4.14).

The generation decides, never a comparison of times: the last one again, within the app's grace, gets the same
successor; an older one, or the last one later, ends the session. Of an app that repeats until used, the last one gets
it for as long as the successor was not used.
"""

from services.runtime.errors import FieldMissing
from services.token import refresh_tokens
from services.token.actions.phases import acting, refusals, scopes, sessions, signing
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidRefreshToken, InvalidScope
from services.token.events import EventName
from services.token.model import Issued, TokenRequest
from services.token.refresh_tokens import RefreshToken
from services.token.resources import Resources


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Use a refresh token.

    Raises:
        FieldMissing: there is none.
        InvalidRefreshToken: it gives nothing, also where who acts for the user may not any more.
        InvalidScope: more was asked for than the session has.
    """
    if not request.refresh_token:
        raise FieldMissing("refresh_token")
    presented = await refresh_tokens.opened(request.refresh_token, resources.keyring)
    if presented is None or presented.domain_id != client.domain.domain_id:
        # Not for another domain's, whose MAC is good, by itself: its client could fill the log of this domain.
        if refusals.is_proven(client):
            rule = "domain" if presented else "unknown"
            await refusals.write(resources, client, EventName.REFRESH_TOKEN_REFUSED, rule)
        raise InvalidRefreshToken(detail="refresh token: not one of this domain's")
    if over := sessions.is_over(resources, client.app, presented.session_id):
        await refusals.write(resources, client, EventName.REFRESH_TOKEN_REFUSED, over)
        raise InvalidRefreshToken(detail=f"refresh token: {over}")
    verdict, session = await resources.rotations.add(
        sessions.rotation(resources, client.app, presented, request.scopes)
    )
    if verdict == "scope":
        raise InvalidScope(detail="refresh token: more scopes than the session has")
    if session is None:
        raise InvalidRefreshToken(detail=f"refresh token: {verdict}")
    bounded = await acting.bounded(resources, client, session)
    if bounded is None:
        await _end(resources, client, presented)
        raise InvalidRefreshToken(detail=f"refresh token: {session.actor} acts for nobody any more")
    return signing.for_session(
        resources,
        bounded,
        presented.of_generation(session.generation),
        scopes.kept(scopes.narrow(request.scopes, session.scopes), client.app.scopes),
        domain=client.domain,
        client_id=client.app.client_id,
        typ=client.app.token_type,
    )


async def look(resources: Resources, request: TokenRequest) -> None:
    """See that a key of ours has signed a refresh token; a new key is asked for. Raises `InvalidRefreshToken`."""
    if await refresh_tokens.opened(request.refresh_token, resources.keyring) is None:
        raise InvalidRefreshToken(detail="refresh token: no key of ours has signed it")


async def _end(resources: Resources, client: Client, token: RefreshToken) -> None:
    """End a session whose actor may not act any more; its successor was told to nobody."""
    await refusals.write(resources, client, EventName.REFRESH_TOKEN_REFUSED, "actor")
    await resources.store.end_session(
        token.domain_id,
        token.session_id,
        client.app.client_id,
        secret_hash=token.secret_hash,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
