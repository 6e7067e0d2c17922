"""What a user lets an app have, and the answer that the app then gets."""

from starlette.responses import Response

from services.account.actions.logon.sessions import sign_out
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LinkUserRefused, LogonRefused, NotFoundLinkUser
from services.account.model import shown
from services.account.model.logon import BrowserSession, Device, LogonApp
from services.account.model.user_systems import CODED
from services.account.pages.answers import AuthorizationError, answer_to
from services.account.pages.flow import Ask, Flow
from services.account.pages.visit import PageError, Visit, csrf_of
from services.account.pages.ways import LOGIN_TYPES, app_of
from services.account.peers import Proof
from services.runtime.errors import PermissionDenied, Refusal


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


async def session_for(visit: Visit, domain_id: str, ask: Ask) -> BrowserSession | None:
    """Who is logged on in this browser, as the app wants it: by its way, and proven anew; `None`: nobody.

    So no page is passed over, whichever is opened (OpenID Connect Core section 3.1.2.1).
    """
    session = await visit.session(domain_id)
    if session is None or session.proven_at.timestamp() < ask.fresh_from:
        return None
    return session if LOGIN_TYPES[ask.login_type] in ("", session.method) else None


async def page(visit: Visit, flow: Flow) -> Response:
    """The page that asks, or the answer where there is nothing to ask."""
    app, ask, session = await _all(visit, flow)
    if session is None:
        return visit.step(f"/logon/{flow.flow_id}")
    if not await is_needed(visit, app, ask, session):
        return await _give(visit, flow, app, ask, session)
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
    )


async def take(visit: Visit, flow: Flow) -> Response:
    """What the user answers."""
    app, ask, session = await _all(visit, flow)
    if session is None:
        return visit.step(f"/logon/{flow.flow_id}")
    # Of the user who was asked, if this browser is another's by now.
    form = await visit.form(csrf_of(session, flow))
    match form.get("answer"):
        case "allow" | "deny" as answer if ask.device:
            return await _decide(visit, flow, ask.device, session, approve=answer == "allow")
        case "allow":
            return await _give(visit, flow, app, ask, session, let=True)
        case "deny":
            return await cancel(visit, flow)
        case "other":
            await sign_out(visit.resources, app.domain_id, session.user_id, session.session_id)
            visit.forget_session(app.domain_id)
            return visit.step(f"/logon/{flow.flow_id}")
    raise PageError("over")


async def cancel(visit: Visit, flow: Flow) -> Response:
    """Nothing is let, whoever is logged on or is not yet; the app is told."""
    app, ask, _ = await _all(visit, flow)
    if ask.device:
        raise PageError("over")
    visit.forget(flow)
    return await _refuse(visit, app, ask, AuthorizationError("access_denied", "the user does not allow it"))


async def done(visit: Visit, flow: Flow) -> Response:
    """What a logon came to, for who goes back to it."""
    say, systems = visit.language.say, await find_logon_systems(visit.resources, flow.domain_id)
    if flow.done != "logged_on":
        return visit.page("message", systems, title=say("device_title"), text=say(flow.done), alert=False, on=None)
    app = await app_of(visit, flow)
    assert app
    return visit.page(
        "message",
        systems,
        title=say("done_title"),
        text=say("done_text", app=app.name or app.client_id),
        alert=False,
        on=(f"/logon/account/{flow.domain_id}", "to_account"),
    )


async def _give(
    visit: Visit, flow: Flow, app: LogonApp, ask: Ask, session: BrowserSession, *, let: bool = False
) -> Response:
    """Send the app what it gets. What its user has let it have just now is kept where that is a code."""
    try:
        code = await code_for(visit, app, ask, session)
    except AuthorizationError as error:
        visit.forget(flow)
        return await _refuse(visit, app, ask, error)
    if code is None:
        return visit.step(f"/logon/{flow.flow_id}")
    if let:
        await visit.resources.store.upsert_consent(app.domain_id, session.user_id, app.client_id, ask.scopes, visit.now)
    visit.keep(flow.ended("logged_on"))
    return await _answer(visit, app, answer_to(app, ask.redirect_uri, ask.state, code=code))


async def code_for(visit: Visit, app: LogonApp, ask: Ask, session: BrowserSession) -> str | None:
    """The app's code; `None`: the user has to be proven anew. Raises `AuthorizationError`, `PageError`."""
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
    except Refusal as refusal:
        visit.failed(refusal)
        raise AuthorizationError("temporarily_unavailable", "try again") from refusal
    except LogonRefused as refused:
        visit.refused(session.method, refused)
        if refused.key == "scope":
            raise AuthorizationError("invalid_scope", "the app may not have one of the scopes any more") from refused
        visit.forget_session(app.domain_id)
        return None
    # Whoever signed this browser out meanwhile may have told token before there was a code.
    if await visit.session(app.domain_id) is None:
        raise PageError("not_logged_on", 403)
    return code


async def _refuse(visit: Visit, app: LogonApp, ask: Ask, error: AuthorizationError) -> Response:
    return await _answer(visit, app, answer_to(app, ask.redirect_uri, ask.state, error=error))


async def _answer(visit: Visit, app: LogonApp, url: str) -> Response:
    return visit.leave(url, app.name or app.client_id, await find_logon_systems(visit.resources, app.domain_id))


async def _decide(visit: Visit, flow: Flow, device: Device, session: BrowserSession, *, approve: bool) -> Response:
    """Let a device be logged on, or not. Raises `PageError`, `LogonRefused`, `Unavailable`."""
    try:
        await visit.resources.token.decide_device(
            device, session.user_id, Proof(session.method, ""), session.proven_at, approve=approve
        )
    except (NotFoundLinkUser, LinkUserRefused) as error:
        visit.forget_session(device.domain_id)
        raise PageError("disabled", 403) from error
    except LogonRefused as refused:
        if refused.key != "logged_off":
            raise
        visit.forget_session(device.domain_id)
        return visit.step(f"/logon/{flow.flow_id}")
    visit.keep(flow.ended("device_done" if approve else "device_denied"))
    return visit.go(f"/logon/{flow.flow_id}/done")


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
    return app, flow.ask, await session_for(visit, flow.domain_id, flow.ask)
