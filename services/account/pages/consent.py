"""What a user lets an app have, and the answer that the app then gets."""

from starlette.responses import Response

from services.account.actions.logon.sessions import sign_out
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LinkUserRefused, NotFoundLinkUser
from services.account.model import shown
from services.account.model.logon import BrowserSession, Device, LogonApp
from services.account.model.user_systems import CODED
from services.account.pages.answers import AuthorizationError, answer_to
from services.account.pages.flow import Ask, Flow
from services.account.pages.visit import PageError, Visit, csrf_of
from services.account.pages.ways import app_of
from services.account.peers import Proof
from services.runtime.errors import PermissionDenied


async def is_needed(visit: Visit, app: LogonApp, ask: Ask, session: BrowserSession) -> bool:
    """Whether the user is to be asked: not what was let before, unless the app wants it asked again."""
    # A device is somebody else's until the person has said that it is not.
    if ask.device:
        return True
    if app.skip_consent:
        return False
    # Whoever answers at an address of this machine, or at a scheme of an app's own, may be another program than the one
    # that was let (RFC 8252 section 8.6, RFC 6749 section 10.2).
    if ask.consent or (app.needs_code_challenge and not ask.redirect_uri.startswith("https://")):
        return True
    granted = await visit.resources.store.select_consent(app.domain_id, session.user_id, app.client_id)
    return not granted.issuperset(ask.scopes)


async def page(visit: Visit, flow: Flow) -> Response:
    """The page that asks, or the answer where there is nothing to ask."""
    app, ask, session = await _all(visit, flow)
    if session is None:
        return visit.go(f"/logon/{flow.flow_id}")
    if not await is_needed(visit, app, ask, session):
        visit.forget(flow)
        return await give(visit, app, ask, session)
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    return visit.page(
        "consent",
        systems,
        app=app,
        scopes=ask.scopes,
        token=csrf_of(session, flow),
        device=ask.device,
        code=ask.user_code,
        who=await _shown(visit, flow.domain_id, session),
        to=ask.redirect_uri,
    )


async def take(visit: Visit, flow: Flow) -> Response:
    """What the user answers."""
    app, ask, session = await _all(visit, flow)
    if session is None:
        return visit.go(f"/logon/{flow.flow_id}")
    # Of the user who was asked, if this browser is another's by now.
    form = await visit.form(csrf_of(session, flow))
    match form.get("answer"):
        case "allow" | "deny" as answer if ask.device:
            visit.forget(flow)
            return await _decide(visit, ask.device, session, approve=answer == "allow")
        case "allow":
            await visit.resources.store.upsert_consent(
                app.domain_id, session.user_id, app.client_id, ask.scopes, visit.now
            )
            visit.forget(flow)
            return await give(visit, app, ask, session)
        case "deny":
            visit.forget(flow)
            error = AuthorizationError("access_denied", "the user does not allow it")
            return visit.go(answer_to(app, ask.redirect_uri, ask.state, error=error))
        case "other":
            await sign_out(visit.resources, app.domain_id, session.user_id, session.session_id)
            visit.forget_session(app.domain_id)
            return visit.go(f"/logon/{flow.flow_id}?other")
    raise PageError("over")


async def give(visit: Visit, app: LogonApp, ask: Ask, session: BrowserSession) -> Response:
    """Send the app its code. Raises `PageError`, `Unavailable`."""
    try:
        code = await visit.resources.token.create_authorization_code(
            app,
            session,
            redirect_uri=ask.redirect_uri,
            scopes=ask.scopes,
            code_challenge=ask.code_challenge,
            nonce=ask.nonce,
        )
    except (NotFoundLinkUser, LinkUserRefused) as error:
        visit.forget_session(app.domain_id)
        raise PageError("disabled", 403) from error
    except PermissionDenied as error:
        raise PageError("client", 403) from error
    # Whoever signed this browser out meanwhile may have told token before there was a code.
    if await visit.session(app.domain_id) is None:
        raise PageError("not_logged_on", 403)
    return visit.go(answer_to(app, ask.redirect_uri, ask.state, code=code))


async def _decide(visit: Visit, device: Device, session: BrowserSession, *, approve: bool) -> Response:
    """Let a device be logged on, or not. Raises `PageError`, `LogonRefused`, `Unavailable`."""
    try:
        await visit.resources.token.decide_device(
            device, session.user_id, Proof(session.method, ""), session.proven_at, approve=approve
        )
    except (NotFoundLinkUser, LinkUserRefused) as error:
        visit.forget_session(device.domain_id)
        raise PageError("disabled", 403) from error
    systems = await find_logon_systems(visit.resources, device.domain_id)
    say = visit.language.say
    text = say("device_done" if approve else "device_denied")
    return visit.page("message", systems, title=say("device_title"), text=text, alert=False, on="")


async def _shown(visit: Visit, domain_id: str, session: BrowserSession) -> str:
    """By what people know themselves: what was proven; empty: that has no name."""
    links = await visit.resources.store.select_links_of_user(domain_id, session.user_id)
    link = next((link for link in links if link.type == session.method), None)
    if link is None or (not link.display_name and link.type not in CODED):
        return ""
    return link.display_name or shown(link)


async def _all(visit: Visit, flow: Flow) -> tuple[LogonApp, Ask, BrowserSession | None]:
    app = await app_of(visit, flow)
    if app is None or flow.ask is None:
        raise PageError("over")
    if flow.ask.redirect_uri and not app.redirect_uri_registered:
        raise PageError("redirect")
    session = await visit.session(flow.domain_id)
    # Where the app wants its user proven anew, no page may be passed over (OpenID Connect Core section 3.1.2.1).
    if session and session.proven_at.timestamp() < flow.ask.fresh_from:
        session = None
    return app, flow.ask, session
