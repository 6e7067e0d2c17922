"""What comes after somebody was proven: whose the identity is, and that this browser is logged on."""

from urllib.parse import urlencode

import structlog
from prometheus_client import Counter
from starlette.responses import Response

from services.account.actions.logon.find_user import create_user, find_user, link
from services.account.actions.logon.sessions import start_session
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.connectors import Proven
from services.account.errors import LogonRefused
from services.account.model import Identity
from services.account.model.domain_settings import FirstLogon
from services.account.model.user_systems import CODED, LogonSystems
from services.account.pages.flow import Flow, FlowTooLargeError, Newcomer
from services.account.pages.visit import PageError, Visit

log = structlog.get_logger()

LOGONS = Counter("tessera_logons_total", "People who were proven, and what became of it.", ["type", "outcome"])


async def proven(visit: Visit, systems: LogonSystems, flow: Flow, person: Proven, way: str) -> Response:
    """Log this browser on as whom the identity belongs to; or add the identity to who is logged on already.

    Args:
        visit: by whom.
        systems: of the domain.
        flow: what for.
        person: who was proven.
        way: the user system that did.
    """
    try:
        if flow.link:
            return await _add(visit, flow, person)
        user_id = await find_user(visit.resources, flow.domain_id, person)
        if user_id is None:
            return await _first_logon(visit, systems, flow, person, way)
        if flow.newcomer:
            await link_newcomer(visit, systems, flow, user_id)
        return await log_on(visit, flow, person.identity, user_id, way=way, outcome="logged_on")
    except LogonRefused as refused:
        raise _not_let_in(visit, person.identity.type, refused) from refused


def _not_let_in(visit: Visit, type_: str, refused: LogonRefused) -> PageError:
    """The page for who was proven and is not let in all the same; it is told and counted."""
    visit.refused(type_, refused)
    LOGONS.labels(type_, refused.key).inc()
    return PageError(refused.key, 403)


async def _first_logon(visit: Visit, systems: LogonSystems, flow: Flow, person: Proven, way: str) -> Response:
    """Who has an identity that no user has: as the domain has it."""
    first_logon = systems.settings.first_logon
    # Who said that there is an account, and came with another identity that nobody has, is told that there is none.
    if first_logon is FirstLogon.REFUSE or flow.newcomer:
        raise LogonRefused("no_account")
    if first_logon is FirstLogon.CREATE:
        return await _create(visit, flow, person, way)
    try:
        visit.keep(flow.here(Newcomer(person.identity, person.display_name, person.avatar, way)))
    except FlowTooLargeError:
        # A picture is the one thing that may be long.
        visit.keep(flow.here(Newcomer(person.identity, "", "", way)))
    return visit.go(f"/logon/{flow.flow_id}/new")


async def newcomer_page(visit: Visit, flow: Flow) -> Response:
    """The page on which somebody new says whose the identity is to be. Raises `PageError`: nobody is new."""
    if flow.newcomer is None:
        raise PageError("over")
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    return visit.page(
        "newcomer",
        systems,
        flow=flow,
        token=flow.csrf,
        identity=flow.newcomer.name,
        may_create=systems.settings.first_logon is FirstLogon.LINK_OR_CREATE,
        error="",
    )


async def take_newcomer(visit: Visit, flow: Flow) -> Response:
    """The form of that page."""
    form = await visit.form(flow.csrf)
    new = flow.newcomer
    if new is None:
        raise PageError("over")
    if form.get("answer") == "link":
        return visit.go(f"/logon/{flow.flow_id}")
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    if form.get("answer") != "create" or systems.settings.first_logon is not FirstLogon.LINK_OR_CREATE:
        raise PageError("no_account", 403)
    _look_again(systems, new)
    try:
        return await _create(visit, flow, new.person, new.user_system_id)
    except LogonRefused as refused:
        raise _not_let_in(visit, new.identity.type, refused) from refused


async def _create(visit: Visit, flow: Flow, person: Proven, way: str) -> Response:
    client_id = flow.ask.client_id if flow.ask else ""
    user_id = await create_user(visit.resources, flow.domain_id, person, client_id=client_id)
    return await log_on(visit, flow, person.identity, user_id, way=way, outcome="created")


async def link_newcomer(visit: Visit, systems: LogonSystems, flow: Flow, user_id: str) -> None:
    """Link the identity of who was new to the user that the same browser has proven to be since."""
    assert flow.newcomer
    if systems.settings.first_logon not in (FirstLogon.LINK_OR_CREATE, FirstLogon.LINK):
        raise PageError("over")
    _look_again(systems, flow.newcomer)
    await link(visit.resources, flow.domain_id, flow.newcomer.person, user_id)


def _look_again(systems: LogonSystems, new: Newcomer) -> None:
    """Raises `PageError`: the way by which somebody new was proven has been turned off since."""
    if not any(each.user_system_id == new.user_system_id and not each.link_only for each in systems.systems):
        raise PageError("over")


async def log_on(visit: Visit, flow: Flow, identity: Identity, user_id: str, *, way: str, outcome: str) -> Response:
    """Log this browser on, by which user system, and go on to what for."""
    method, browser = identity.type, visit.request.headers.get("user-agent", "")
    value = await start_session(
        visit.resources, flow.domain_id, user_id=user_id, method=method, way=way, browser=name_of_browser(browser)
    )
    LOGONS.labels(method, outcome).inc()
    log.info("logged on", domain=flow.domain_id, user=user_id, method=method, outcome=outcome)
    visit.keep_session(flow.domain_id, value)
    if method in CODED:
        visit.keep_known(flow.domain_id, method, identity.key)
    if flow.user_code:
        visit.forget(flow)
        query = urlencode({"user_code": flow.user_code, "domain_id": flow.domain_id})
        return visit.go(f"/logon/device?{query}")
    if flow.ask is None:
        visit.forget(flow)
        return visit.go(f"/logon/account/{flow.domain_id}")
    visit.keep(flow.here(None))
    return visit.step(f"/logon/{flow.flow_id}/consent")


async def _add(visit: Visit, flow: Flow, person: Proven) -> Response:
    """Add an identity to who is logged on in this browser."""
    session = await visit.session(flow.domain_id)
    # Of who began it: somebody else may be logged on in this browser by now.
    if session is None or str(session.session_id) != flow.link:
        raise PageError("not_logged_on", 403)
    await link(visit.resources, flow.domain_id, person, session.user_id)
    visit.forget(flow)
    return visit.go(f"/logon/account/{flow.domain_id}")


def name_of_browser(agent: str) -> str:
    """What a person knows a browser by, from what it calls itself (RFC 9110 section 10.1.5)."""
    systems = {
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Android": "Android",
        "Windows": "Windows",
        "Mac OS X": "macOS",
        "CrOS": "ChromeOS",
        "Linux": "Linux",
    }
    browsers = {
        "wxwork": "WeCom",
        "DingTalk": "DingTalk",
        "MicroMessenger": "WeChat",
        "Edg": "Edge",
        "Firefox": "Firefox",
        "Chrome": "Chrome",
        "Safari": "Safari",
    }
    browser = next((name for word, name in browsers.items() if word in agent), "")
    system = next((name for word, name in systems.items() if word in agent), "")
    return ", ".join(filter(None, (browser, system)))
