"""The ways to log on, or to add an identity: which there are, and the pages of each."""

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from starlette.responses import Response

from services.account.actions.logon.send_code import send_code, try_code
from services.account.actions.logon.try_password import try_password
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.connectors import Asking, Kept, Proven, Redirecting, Wish
from services.account.errors import LogonRefused
from services.account.model import TYPES, Identity, compact, is_mobile, normalise, shown
from services.account.model.logon import CODE_LIFETIME, LogonApp, name_key
from services.account.model.user_systems import CODED, LogonSystems, UserSystem
from services.account.pages.flow import Flow, Left, Sent
from services.account.pages.proven import proven
from services.account.pages.visit import PageError, Visit
from services.runtime.errors import FieldInvalid, Unavailable

# What an app may ask for by `login_type`: the vendor's names, beside those of types; empty: any. DingTalk's page offers
# both what `ding` asks for, a QR code, and what `ding_sns` does, a password: nothing documented chooses between them.
LOGIN_TYPES: Mapping[str, str] = {"default": "", "ding_sns": "ding", "wechat_app": "wechat"} | {
    type_: type_ for type_ in TYPES
}

_CODE = re.compile(r"[0-9]{6}")
_MAX_PARAMETERS = 50
_MAX_NAME_CHARS, _MAX_PASSWORD_CHARS = 255, 1024


def open_ways(systems: LogonSystems) -> Sequence[UserSystem]:
    """The user systems that let people in."""
    return [each for each in systems.systems if not each.link_only]


def _ways(systems: LogonSystems, flow: Flow) -> Sequence[UserSystem]:
    """Those that a logon may go by: of the type that its app wants, if it wants one; to add an identity, all."""
    if flow.link:
        return systems.systems
    wanted = LOGIN_TYPES[flow.ask.login_type] if flow.ask else ""
    return [each for each in open_ways(systems) if wanted in ("", each.type)]


def _way(systems: LogonSystems, flow: Flow, way: str) -> UserSystem:
    """One that this logon may go by. Raises `PageError`."""
    for each in _ways(systems, flow):
        if each.user_system_id == way:
            return each
    raise PageError("not_found", 404)


async def app_of(visit: Visit, flow: Flow) -> LogonApp | None:
    """The app that somebody logs on to; `None`: none. Raises `PageError`: it is there no more."""
    if flow.ask is None:
        return None
    app = await visit.resources.token.get_logon_app(flow.ask.client_id, flow.ask.redirect_uri)
    if app is None or not app.admitted:
        raise PageError("client")
    return app


async def choose(visit: Visit, flow: Flow) -> Response:
    """The page on which a way is chosen, with what is wrong since one was, as `come_back` says."""
    problem = visit.request.query_params.get("problem", "")
    return await _choose(visit, flow, problem if f"error.{problem}" in visit.language.texts else "")


async def _choose(visit: Visit, flow: Flow, error: str) -> Response:
    """The page on which a way is chosen; where there is one alone, that one's, unless a form led here.

    It might end at a user system elsewhere, where no form may lead (docs/adr/0089). A link on this page does.
    """
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    ways = _ways(systems, flow)
    by_form = flow.link or flow.newcomer or visit.is_by_form
    if len(ways) == 1 and not error and not by_form:
        return visit.go(f"/logon/{flow.flow_id}/{ways[0].user_system_id}")
    return visit.page(
        "methods",
        systems,
        flow=flow,
        app=await app_of(visit, flow),
        ways=ways,
        base=f"/logon/{flow.flow_id}",
        domain_id=flow.domain_id,
        adding=flow.link,
        joining=flow.newcomer.name if flow.newcomer else "",
        confirming=not (flow.ask or flow.link or flow.user_code) and await visit.session(flow.domain_id),
        enter_code=_enter_code(flow),
        error=error,
        status=_status(error),
    )


async def enter(visit: Visit, flow: Flow, way: str) -> Response:
    """The page of a way: a form, or that of a user system elsewhere."""
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    system = _way(systems, flow, way)
    if system.type in CODED:
        if flow.sent and flow.sent.identity.type == system.type:
            # Another code is wanted, or the number was not right.
            given = flow.sent.identity
            return await _address_page(
                visit, systems, flow, system, address=given.given, country_code=given.extra or "86"
            )
        return await _address_page(visit, systems, flow, system)
    connector = visit.resources.connectors[system.type]
    if not isinstance(connector, Redirecting):
        return await _password_page(visit, systems, flow, system)
    kept = Kept.fresh(visit.now.timestamp() if flow.is_anew else 0.0)
    wish = Wish(login_hint=flow.login_hint, in_app=flow.ask is not None and flow.ask.login_type == "wechat_app")
    try:
        url = await connector.leave(system, kept, await _back(visit, system), wish)
    except Unavailable as refusal:
        visit.failed(refusal)
        return await _choose(visit, flow, "unavailable")
    visit.keep(flow.away(Left(system.user_system_id, kept)))
    return visit.go(url)


async def _back(visit: Visit, system: UserSystem) -> str:
    """Where a user system sends browsers back: each to an address of its own, where no other's answer is taken."""
    domain = await visit.resources.token.get_logon_domain(system.domain_id)
    if domain is None:
        raise PageError("over")
    return f"{visit.base(domain.issuer)}/logon/back/{system.user_system_id}"


async def take(visit: Visit, flow: Flow, way: str) -> Response:
    """The form of a way: an address to which a code is sent, or name and password."""
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    system = _way(systems, flow, way)
    form = await visit.form(flow.csrf)
    if system.type in CODED:
        given, code = str(form.get("address", "")), _country_code(str(form.get("country_code", "")))
        try:
            identity = _addressed(system.type, given, code)
        except FieldInvalid:
            error = "number" if system.type == "mobile" else "address"
            return await _address_page(
                visit, systems, flow, system, error=error, address=given, country_code=code or "86"
            )
        return await _send(visit, systems, flow, system, identity)
    connector = visit.resources.connectors[system.type]
    if not isinstance(connector, Asking):
        raise PageError("not_found", 404)
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    if not 0 < len(name) <= _MAX_NAME_CHARS or not 0 < len(password) <= _MAX_PASSWORD_CHARS:
        return await _password_page(visit, systems, flow, system, error="name", name=name[:_MAX_NAME_CHARS])
    browser_id = visit.known(flow.domain_id, way, name_key(name))
    try:
        person = await try_password(
            visit.resources, connector, system, name, password, browser_id=browser_id, address=visit.address
        )
    except LogonRefused as refused:
        visit.refused(system.type, refused)
        return await _password_page(visit, systems, flow, system, error=refused.key, name=name)
    except Unavailable as refusal:
        visit.failed(refusal)
        return await _password_page(visit, systems, flow, system, error="unavailable", name=name)
    visit.keep_known(flow.domain_id, way, name_key(name))
    return await proven(visit, systems, flow, person, way)


def _country_code(typed: str) -> str:
    """One as it is dialled, too: `+44`, `0044`."""
    return compact(typed).lstrip("+").removeprefix("00")


def _addressed(type_: str, given: str, country_code: str) -> Identity:
    """To whom a code is to go. Raises `FieldInvalid`."""
    if type_ != "mobile":
        return normalise(type_, given)
    identity = normalise(type_, compact(given), country_code)
    if not is_mobile(identity):
        raise FieldInvalid("identity")
    return identity


async def _send(visit: Visit, systems: LogonSystems, flow: Flow, system: UserSystem, identity: Identity) -> Response:
    error = ""
    try:
        code_id = await send_code(
            visit.resources,
            flow.domain_id,
            systems.settings,
            flow_id=flow.flow_id,
            identity=identity,
            browser_id=visit.known(flow.domain_id, identity.type, identity.key),
            address=visit.address,
            language=visit.language.tag.partition("-")[0],
            link=bool(flow.link),
        )
    except LogonRefused as refused:
        visit.refused(system.type, refused)
        error = refused.key
    except Unavailable as refusal:
        visit.failed(refusal)
        error = "unavailable"
    if error:
        code = identity.extra or "86"
        return await _address_page(visit, systems, flow, system, error=error, address=identity.given, country_code=code)
    visit.keep(flow.with_code(Sent(str(code_id), identity)))
    return visit.go(f"/logon/{flow.flow_id}/code")


async def code_page(visit: Visit, flow: Flow) -> Response:
    """The page on which a code is entered."""
    if flow.sent is None:
        return await _used(visit, flow)
    return _code_page(visit, await find_logon_systems(visit.resources, flow.domain_id), flow, flow.sent)


async def _used(visit: Visit, flow: Flow) -> Response:
    """On from the page of a code that has let this browser in already. Raises `PageError`: none has."""
    if flow.ask is None or await visit.session(flow.domain_id) is None:
        raise PageError("over")
    return visit.step(f"/logon/{flow.flow_id}/consent")


def _code_page(visit: Visit, systems: LogonSystems, flow: Flow, sent: Sent, error: str = "") -> Response:
    way = next((each for each in systems.systems if each.type == sent.identity.type), None)
    base = f"/logon/{flow.flow_id}"
    return visit.page(
        "code",
        systems,
        flow=flow,
        token=flow.csrf,
        address=shown(sent.identity),
        minutes=int(CODE_LIFETIME.total_seconds()) // 60,
        error=error,
        status=400 if error else 200,
        again=f"{base}/{way.user_system_id}" if way else base,
        others=_others(systems, flow),
    )


async def take_code(visit: Visit, flow: Flow) -> Response:
    """The form with the code."""
    form = await visit.form(flow.csrf)
    sent = flow.sent
    if sent is None:
        return await _used(visit, flow)
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    # Turned off since the code was sent: off.
    way = next((each.user_system_id for each in _ways(systems, flow) if each.type == sent.identity.type), None)
    if way is None:
        raise PageError("over")
    typed = compact(str(form.get("code", "")))
    if not _CODE.fullmatch(typed):
        return _code_page(visit, systems, flow, sent, "wrong_code")
    try:
        await try_code(
            visit.resources,
            flow.domain_id,
            flow_id=flow.flow_id,
            identity=sent.identity,
            code_id=UUID(sent.code_id),
            typed=typed,
        )
    except LogonRefused as refused:
        visit.refused(sent.identity.type, refused)
        return _code_page(visit, systems, flow, sent, refused.key)
    return await proven(visit, systems, flow, Proven(sent.identity), way)


async def come_back(visit: Visit, way: str) -> Response:
    """A browser that comes back from a user system, with what that says of who it is."""
    query = visit.request.query_params
    if len(query) > _MAX_PARAMETERS:
        raise PageError("malformed")
    if len(query.multi_items()) != len(query):
        raise PageError("twice")
    flow = visit.flow_of(way, query.get("state", ""))
    left = flow.left
    assert left
    systems = await find_logon_systems(visit.resources, flow.domain_id)
    system = _way(systems, flow, way)
    connector = visit.resources.connectors[system.type]
    assert isinstance(connector, Redirecting)
    # What it waited for came, whatever it is: it is not taken again.
    flow = flow.here(flow.newcomer)
    visit.keep(flow)
    answer = {name: value for name, value in query.items() if name != "state"}
    try:
        person = await connector.come_back(system, left.kept, await _back(visit, system), answer)
    except LogonRefused as refused:
        visit.refused(system.type, refused)
        return visit.go(f"/logon/{flow.flow_id}?problem={refused.key}")
    except Unavailable as refusal:
        visit.failed(refusal)
        return visit.go(f"/logon/{flow.flow_id}?problem=unavailable")
    return await proven(visit, systems, flow, person, way)


def _status(error: str) -> int:
    """What HTTP says of a page with something that is wrong; empty: nothing is."""
    if error in ("early", "guessed", "limit", "passwords"):
        return 429
    return 503 if error == "unavailable" else 400 if error else 200


def _enter_code(flow: Flow) -> str:
    """Where the code is entered that was sent; empty: none was."""
    return f"/logon/{flow.flow_id}/code" if flow.sent else ""


def _others(systems: LogonSystems, flow: Flow) -> str:
    """Where another way is chosen, or nothing is added after all; empty: there is none."""
    return f"/logon/{flow.flow_id}" if flow.link or len(_ways(systems, flow)) > 1 else ""


async def _address_page(
    visit: Visit,
    systems: LogonSystems,
    flow: Flow,
    system: UserSystem,
    *,
    error: str = "",
    address: str = "",
    country_code: str = "86",
) -> Response:
    hint = flow.login_hint
    return visit.page(
        "address",
        systems,
        flow=flow,
        app=await app_of(visit, flow),
        adding=flow.link,
        token=flow.csrf,
        way=system,
        others=_others(systems, flow),
        error=error,
        address=address or (hint if ("@" in hint) == (system.type == "email") else ""),
        country_code=country_code,
        enter_code=_enter_code(flow),
        status=_status(error),
    )


async def _password_page(
    visit: Visit,
    systems: LogonSystems,
    flow: Flow,
    system: UserSystem,
    *,
    error: str = "",
    name: str = "",
) -> Response:
    return visit.page(
        "password",
        systems,
        flow=flow,
        app=await app_of(visit, flow),
        adding=flow.link,
        token=flow.csrf,
        way=system,
        others=_others(systems, flow),
        error=error,
        name=name or flow.login_hint,
        status=_status(error),
    )
