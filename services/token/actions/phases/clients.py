"""Who is the client: RFC 6749 section 2.3, RFC 7523 section 2.2.

An unknown client and a wrong secret take the same way and give the same answer.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus

from prometheus_client import Counter

from services.runtime import jws
from services.token.actions.phases import assertions
from services.token.actions.phases.assertions import Assertion, AssertionRefused
from services.token.errors import InvalidClient, InvalidRequest
from services.token.events import EventName
from services.token.model import App, AuthMethod, ClientRequest, Domain, Event
from services.token.resources import Resources
from services.token.secret import hash_secret

# In place of audit rows, which a stranger could fill the log with.
FAILED = Counter("tessera_client_authentication_failed_total", "Clients that did not prove themselves.", ["why"])

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# What clients of others' making take for granted (Authlib, say). Each assertion is good once all the same.
_LONGEST = timedelta(hours=1)

# Compared with where there is no client, so that its absence costs as much as a wrong secret.
_NO_HASHES = (bytes(hashlib.sha256().digest_size),)


@dataclass(frozen=True, slots=True)
class Client:
    """An app that proved itself as it may, and its domain."""

    app: App
    domain: Domain
    method: AuthMethod


async def authenticate(resources: Resources, request: ClientRequest, *, grant: bool = False) -> Client:
    """Find out which client calls the token endpoint, or one beside it.

    Args:
        resources: the parts of the service.
        request: how the client proves itself.
        grant: whether it asks for a token, which its domain may have only so many of in a second: one is taken for who
            proves itself here.

    Raises:
        InvalidRequest: it proves itself in two ways, or names two clients.
        InvalidClient: there is no such client where the request was sent to, or its proof is not good, or it has to
            bring one.
        LimitExceeded: its domain has had its grants of this second. Nothing was used up.
    """
    ways = [bool(request.basic), bool(request.client_secret), bool(request.client_assertion)]
    if sum(ways) > 1:
        raise InvalidRequest(detail="two ways of client authentication")
    if request.basic:
        client_id, secret = read_basic(request.basic)
        method = AuthMethod.BASIC
    elif request.client_assertion:
        client_id, secret = _named_by(request), ""
        method = AuthMethod.PRIVATE_KEY_JWT
    else:
        client_id, secret = request.client_id, request.client_secret
        method = AuthMethod.POST if secret else AuthMethod.NONE
    if request.client_id and request.client_id != client_id:
        raise InvalidRequest(detail="two clients are named")
    app, domain = await _known(resources, client_id, request.host)
    if secret and not has_secret(app, secret):
        FAILED.labels("secret" if app else "unknown").inc()
        raise InvalidClient(detail=f"unknown client {client_id!r} or wrong secret")
    if app is None or domain is None:
        FAILED.labels("unknown").inc()
        raise InvalidClient(detail=f"unknown client {client_id!r}")
    client = Client(app, domain, method)
    assertion = None
    if method is AuthMethod.PRIVATE_KEY_JWT:
        assertion = await _verified(resources, request.client_assertion, client)
    # Not before the proof, else a stranger could use a domain's grants up; and before anything is used up that is good
    # once. Who brings no proof here may have one in the grant: `token` takes for him, and gives it back if not.
    if grant and method is not AuthMethod.NONE:
        resources.limits.take(domain)
    if assertion:
        await _use_up(resources, assertion, client)
    return client


def read_basic(credential: str) -> tuple[str, str]:
    """Id and secret of `authorization: Basic`, both form-encoded within (RFC 6749 section 2.3.1).

    Raises:
        InvalidClient: it is not well-formed, or has no secret.
    """
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClient(detail="Basic is not base64 of UTF-8") from error
    client_id, _, secret = text.partition(":")
    if not client_id or not secret:
        raise InvalidClient(detail="Basic without id or secret")
    return unquote_plus(client_id), unquote_plus(secret)


def has_secret(app: App | None, secret: str) -> bool:
    """Whether a secret is one of the app's live ones. Takes as long where there is no app."""
    digest = hash_secret(secret)
    found = [hmac.compare_digest(digest, known) for known in (app.secret_hashes if app else ()) or _NO_HASHES]
    return any(found)


async def _known(resources: Resources, client_id: str, host: str) -> tuple[App | None, Domain | None]:
    """The app of that id and its domain; neither where there is none, or the request was sent to another domain."""
    directory = resources.directory
    app = await directory.app(client_id)
    domain = await directory.domain(app.domain_id) if app else None
    return (None, None) if domain and await directory.is_elsewhere(domain, host) else (app, domain)


def _named_by(request: ClientRequest) -> str:
    """The client that an assertion claims to be; believed after its keys have verified it."""
    if request.client_assertion_type != ASSERTION_TYPE:
        raise InvalidRequest(detail="client_assertion_type is not jwt-bearer")
    try:
        return str(jws.read(request.client_assertion).claims.get("sub"))
    except jws.JwsError as error:
        raise InvalidClient(detail=f"client assertion: {error}") from error


async def _verified(resources: Resources, text: str, client: Client) -> Assertion:
    app, domain = client.app, client.domain
    try:
        assertion = assertions.verify(
            text,
            app,
            # RFC 7523 section 3 allows the endpoint's URL; a service of ours knows its domain and no URL.
            audiences=frozenset((domain.domain_id, domain.issuer, domain.token_endpoint)),
            types=("jwt", "client-authentication+jwt"),
            longest=_LONGEST,
            now=resources.clock.now(),
        )
        assertions.require(assertion.subject == app.client_id, "sub")
    except AssertionRefused as error:
        if error.signed:
            await _write_refused(resources, client, str(error))
        else:
            FAILED.labels("assertion").inc()
        raise InvalidClient(detail=f"client assertion: {error}") from error
    return assertion


async def _use_up(resources: Resources, assertion: Assertion, client: Client) -> None:
    app = client.app
    # It is good once, and must not be spent where no token can be given for it.
    resources.keyring.check(app.domain_id)
    first = await resources.store.insert_used_assertion(
        app.domain_id, app.client_id, assertion.id_hash, assertion.expires_at
    )
    if not first:
        await _write_refused(resources, client, "replay")
        raise InvalidClient(detail="client assertion: used before")


async def _write_refused(resources: Resources, client: Client, rule: str) -> None:
    await resources.store.insert_audit(
        Event(
            client.domain.domain_id,
            resources.new_id(),
            EventName.CLIENT_ASSERTION_REFUSED,
            client.app.client_id,
            detail=rule,
        )
    )
