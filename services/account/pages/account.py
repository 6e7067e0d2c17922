"""What is shown to who is logged on: how one logs on, and where one is logged on."""

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.responses import Response

from services.account.actions.links.take_away import take_away
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LastIdentity, NotFoundLinkUser
from services.account.model import Identity, Link, normalise
from services.account.model.logon import BrowserSession
from services.account.model.user_systems import CustomSettings, LogonSystems
from services.account.pages.flow import begin
from services.account.pages.visit import PageError, Visit, csrf_of
from services.runtime.errors import Unavailable

# Who changes by what one logs on has been proven within this time: a browser that was left alone, or whose cookie was
# taken, gives nobody an account for good.
_FRESH = timedelta(minutes=15)


async def enter(visit: Visit) -> Response:
    """The way to one's account, named by the domain or any app of it."""
    query, token = visit.request.query_params, visit.resources.token
    if named := query.get("domain_id", "")[:64]:
        domain = await token.get_logon_domain(named)
        if domain is None:
            raise PageError("not_found", 404)
        domain_id = domain.domain_id
    else:
        app = await token.get_logon_app(query.get("client_id", "")[:128] or "-")
        if app is None or not app.admitted:
            raise PageError("client")
        domain_id = app.domain_id
    if await visit.session(domain_id):
        return visit.go(f"/logon/account/{domain_id}")
    flow = begin(domain_id, visit.now, None)
    visit.keep(flow)
    return visit.go(f"/logon/{flow.flow_id}")


def entrance(domain_id: str) -> str:
    """The address of that way."""
    return f"/logon/account?{urlencode({'domain_id': domain_id})}"


async def page(visit: Visit, error: str = "") -> Response:
    """One's account. While token is away it shows what there is here."""
    domain_id, session = await session_of(visit)
    store, apps = visit.resources.store, None
    try:
        await _check_user(visit, domain_id, session)
        apps = await visit.resources.token.list_user_sessions(domain_id, session.user_id)
    except Unavailable as refusal:
        visit.failed(refusal)
    systems = await find_logon_systems(visit.resources, domain_id)
    return visit.page(
        "account",
        systems,
        links=[
            (link, _provider(systems, link)) for link in await store.select_links_of_user(domain_id, session.user_id)
        ],
        sessions=await store.select_logon_sessions(domain_id, session.user_id, visit.now),
        apps=apps,
        ways=systems.systems,
        here_id=session.session_id,
        base=f"/logon/account/{domain_id}",
        here=f"/logon/account/{domain_id}",
        token=csrf_of(session),
        error=error,
        status=400 if error else 200,
    )


async def take(visit: Visit) -> Response:
    """A form of that page, but for those by which one signs out."""
    domain_id, session = await session_of(visit)
    await _check_user(visit, domain_id, session)
    form = await visit.form(csrf_of(session))
    store, what = visit.resources.store, str(visit.request.path_params["what"])
    if what in ("link", "unlink") and visit.now - session.proven_at > _FRESH:
        flow = begin(domain_id, visit.now, None, anew=True)
        visit.keep(flow)
        return visit.step(f"/logon/{flow.flow_id}")
    match what:
        case "link":
            flow = begin(domain_id, visit.now, None, link=str(session.session_id))
            visit.keep(flow)
            return visit.go(f"/logon/{flow.flow_id}")
        case "unlink":
            links = await store.select_links_of_user(domain_id, session.user_id)
            identity, user_id, kept = _named(links, form), session.user_id, session.session_id
            try:
                # Others may take the last one away; nobody locks oneself out.
                await take_away(visit.resources, domain_id, identity, user_id, actor=user_id, kept=kept, keep_last=True)
            except LastIdentity:
                return await page(visit, "last")
        case _:
            raise PageError("not_found", 404)
    return visit.go(f"/logon/account/{domain_id}")


async def inbox(visit: Visit) -> Response:
    """Codes that were shown in place of being sent. Only where they are, and to who is on the same machine."""
    if visit.resources.console is None or not visit.is_here:
        raise PageError("not_found", 404)
    return visit.page("inbox", messages=visit.resources.console.shown())


def _named(links: Iterable[Link], form: FormData) -> Identity:
    """The identity that a form names, of those that the user has. Raises `PageError`: it has no such identity."""
    named = tuple(form.get(name) for name in ("type", "identity", "extra"))
    for link in links:
        if (link.type, link.identity, link.extra) == named:
            return normalise(link.type, link.identity, link.extra)
    raise PageError("over")


def _provider(systems: LogonSystems, link: Link) -> str:
    """What the user system is called by which an identity is proven; empty: as its type, or there is none."""
    for system in systems.systems:
        # Of several providers, the one whose issuer stands before the subject.
        of = f"{system.settings.issuer}|" if isinstance(system.settings, CustomSettings) else ""
        if system.type == link.type and link.identity.startswith(of):
            return system.display_name
    return ""


async def session_of(visit: Visit) -> tuple[str, BrowserSession]:
    """The domain whose page it is, and who is logged on to it. Raises `PageError`: nobody is."""
    domain_id = str(visit.request.path_params["domain_id"])
    session = await visit.session(domain_id)
    if session is None:
        raise PageError("not_logged_on", 403)
    return domain_id, session


async def _check_user(visit: Visit, domain_id: str, session: BrowserSession) -> None:
    """Raises `PageError`: who is logged on is gone, disabled or logged off; `Unavailable`: nobody can tell."""
    try:
        user = await visit.resources.token.get_user(domain_id, session.user_id)
    except NotFoundLinkUser as error:
        visit.forget_session(domain_id)
        raise PageError("not_logged_on", 403) from error
    if user.status != "enabled":
        raise PageError("disabled", 403)
    if user.logged_off_at and session.proven_at <= user.logged_off_at:
        visit.forget_session(domain_id)
        raise PageError("not_logged_on", 403)
