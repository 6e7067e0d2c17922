"""urn:ietf:params:oauth:grant-type:jwt-bearer: RFC 7523 section 2.1, with the vendor's claims.

`sub_type` says whom the app speaks for: a `user` of the domain, or the domain itself (`service`).
"""

from datetime import timedelta
from functools import partial

from services.runtime.errors import FieldMissing
from services.runtime.validation import USER_ID
from services.token.actions.phases import assertions, quotas, refusals, scopes, sessions, signing
from services.token.actions.phases.assertions import Assertion, AssertionRefused
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidGrant, InvalidScope, QuotaExceeded, TokenRefusal
from services.token.events import EventName
from services.token.model import Event, Issued, NewSession, Session, TokenRequest
from services.token.resources import Resources
from services.token.store import Statements

_LONGEST = timedelta(minutes=15)


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Issue tokens for an assertion, once.

    Raises:
        FieldMissing: there is none.
        InvalidGrant: it gives nothing.
        InvalidScope: more was asked for than the app has.
        QuotaExceeded: the user would be one too many; the assertion is good still.
    """
    if not request.assertion:
        raise FieldMissing("assertion")
    try:
        assertion = assertions.verify(
            request.assertion,
            client.app,
            audiences=frozenset((client.domain.domain_id, client.domain.issuer)),
            types=("jwt", "authorization-grant+jwt"),
            longest=_LONGEST,
            now=resources.clock.now(),
        )
    except AssertionRefused as error:
        if error.signed or refusals.is_proven(client):
            await refusals.write(resources, client, EventName.JWT_BEARER_REFUSED, str(error))
        raise InvalidGrant(detail=f"assertion: {error}") from error
    try:
        granted = scopes.narrow(request.scopes, client.app.scopes)
    except InvalidScope:
        await refusals.write(resources, client, EventName.JWT_BEARER_REFUSED, "scope")
        raise
    if assertion.claims.get("sub_type") == "user":
        return await _for_user(resources, client, assertion, granted)
    if assertion.claims.get("sub_type") == "service" and assertion.subject == client.domain.domain_id:
        return await _for_domain(resources, client, assertion, granted)
    raise await _refused(resources, client, "sub_type")


async def _for_user(resources: Resources, client: Client, assertion: Assertion, granted: tuple[str, ...]) -> Issued:
    auto_create = assertion.claims.get("auto_create", False)
    if not USER_ID.fullmatch(assertion.subject):
        raise await _refused(resources, client, "sub")
    if not isinstance(auto_create, bool):
        raise await _refused(resources, client, "auto_create")
    if auto_create and await resources.directory.is_client(client.domain.domain_id, assertion.subject):
        raise await _refused(resources, client, "client_id")
    new, refresh_token = sessions.begin(resources, client.domain.domain_id, client.app.client_id, client.app)
    start = partial(_start, new, client, assertion, granted, auto_create=auto_create)
    if auto_create and await _is_one_more(resources, client, assertion.subject):
        try:
            async with resources.store.transaction() as unit:
                await quotas.check_users(unit, client.domain, new.now)
                verdict, session = await start(unit)
        except QuotaExceeded:
            await refusals.write(
                resources, client, EventName.JWT_BEARER_REFUSED, "max_users", user_id=assertion.subject
            )
            raise
    else:
        verdict, session = await start(resources.store)
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


async def _is_one_more(resources: Resources, client: Client, user_id: str) -> bool:
    """Whether a user is to be counted: it is not there yet, in a domain that limits them. Others are asked nothing."""
    domain = client.domain
    return domain.max_users is not None and await resources.store.select_user(domain.domain_id, user_id) is None


async def _start(
    new: NewSession,
    client: Client,
    assertion: Assertion,
    granted: tuple[str, ...],
    unit: Statements,
    *,
    auto_create: bool,
) -> tuple[str, Session | None]:
    return await unit.start_session_by_assertion(
        new,
        assertion.subject,
        granted,
        assertion_id=assertion.id_hash,
        assertion_expires_at=assertion.expires_at,
        auto_create=auto_create,
        superadmins=client.domain.impersonate_superadmins,
    )


async def _refused(resources: Resources, client: Client, rule: str) -> TokenRefusal:
    """Write down what an app signed and got nothing for."""
    await refusals.write(resources, client, EventName.JWT_BEARER_REFUSED, rule)
    return InvalidGrant(detail=f"assertion: {rule}")


async def _for_domain(resources: Resources, client: Client, assertion: Assertion, granted: tuple[str, ...]) -> Issued:
    domain_id, client_id = client.domain.domain_id, client.app.client_id
    async with resources.store.transaction() as unit:
        first = await unit.insert_used_assertion(domain_id, client_id, assertion.id_hash, assertion.expires_at)
        if first:
            await unit.insert_audit(Event(domain_id, resources.new_id(), EventName.JWT_BEARER_ISSUED, client_id))
    if not first:
        raise await _refused(resources, client, "replay")
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
