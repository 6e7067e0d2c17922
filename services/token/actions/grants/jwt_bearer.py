"""urn:ietf:params:oauth:grant-type:jwt-bearer: RFC 7523 section 2.1, with the vendor's claims.

`sub_type` says whom the app speaks for: a `user` of the domain, or the domain itself (`service`).
"""

from services.runtime.errors import FieldMissing
from services.runtime.validation import USER_ID
from services.token.actions.phases import assertions, scopes, sessions, signing
from services.token.actions.phases.assertions import Assertion, AssertionRefused
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidGrant
from services.token.model import Event, Issued, TokenRequest
from services.token.resources import Resources


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Issue tokens for an assertion, once.

    Raises:
        FieldMissing: there is none.
        InvalidGrant: it gives nothing.
        InvalidScope: more was asked for than the app has.
    """
    if not request.assertion:
        raise FieldMissing("assertion")
    granted = scopes.narrow(request.scopes, client.app.scopes)
    try:
        assertion = assertions.verify(
            request.assertion,
            client.app,
            audiences=frozenset((client.domain.domain_id, client.domain.issuer)),
            types=("jwt", "authorization-grant+jwt"),
            now=resources.clock.now(),
        )
    except AssertionRefused as error:
        raise InvalidGrant(detail=f"assertion: {error}") from error
    if assertion.claims.get("sub_type") == "user":
        return await _for_user(resources, client, assertion, granted)
    if assertion.claims.get("sub_type") == "service" and assertion.subject == client.domain.domain_id:
        return await _for_domain(resources, client, assertion, granted)
    raise InvalidGrant(detail="assertion: sub_type or sub")


async def _for_user(resources: Resources, client: Client, assertion: Assertion, granted: tuple[str, ...]) -> Issued:
    auto_create = assertion.claims.get("auto_create", False)
    if not USER_ID.fullmatch(assertion.subject):
        raise InvalidGrant(detail="assertion: sub is no user's id")
    if not isinstance(auto_create, bool):
        raise InvalidGrant(detail="assertion: auto_create")
    if auto_create and await resources.directory.is_client(client.domain.domain_id, assertion.subject):
        raise InvalidGrant(detail="assertion: sub is a client's id")
    new, refresh_token = sessions.begin(resources, client.domain.domain_id, client.app.client_id, client.app)
    verdict, session = await resources.store.start_session_by_assertion(
        new,
        assertion.subject,
        granted,
        assertion_id=assertion.id_hash,
        assertion_expires_at=assertion.expires_at,
        auto_create=auto_create,
        superadmins=client.domain.impersonate_superadmins,
    )
    if session is None:
        raise InvalidGrant(detail=f"assertion: {verdict}")
    return signing.for_session(
        resources,
        session,
        refresh_token,
        granted,
        domain=client.domain,
        client_id=client.app.client_id,
        typ=client.app.token_type,
    )


async def _for_domain(resources: Resources, client: Client, assertion: Assertion, granted: tuple[str, ...]) -> Issued:
    domain_id, client_id = client.domain.domain_id, client.app.client_id
    if not await resources.store.insert_used_assertion(domain_id, client_id, assertion.id_hash, assertion.expires_at):
        raise InvalidGrant(detail="assertion: replay")
    await resources.store.insert_audit(Event(domain_id, resources.new_id(), "jwt_bearer.issued", client_id))
    return signing.for_client(
        resources,
        client.domain,
        kind="service",
        subject=domain_id,
        client_id=client_id,
        scopes=granted,
        claims={"permissions": client.app.permissions},
        typ=client.app.token_type,
    )
