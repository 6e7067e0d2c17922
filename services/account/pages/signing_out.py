"""The forms by which one signs out, on the page of one's account: a browser, an app, everything else."""

from collections.abc import Awaitable
from uuid import UUID

from starlette.datastructures import FormData
from starlette.responses import Response

from services.account.actions.logon.sessions import sign_out, sign_out_everywhere
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.pages.account import entrance, session_of
from services.account.pages.visit import PageError, Visit, csrf_of
from services.runtime.errors import Unavailable


async def browser(visit: Visit) -> Response:
    """A browser, and what apps were given in it. Another user's goes on, and nobody is told that there is one."""
    domain_id, session = await session_of(visit)
    session_id = _named(await visit.form(csrf_of(session)))
    if session_id == session.session_id:
        visit.forget_session(domain_id)
    await _told(visit, sign_out(visit.resources, domain_id, session.user_id, session_id))
    return visit.go(f"/logon/account/{domain_id}{'/signed_out' if session_id == session.session_id else ''}")


async def signed_out(visit: Visit) -> Response:
    """What is said to who signed this browser out."""
    domain_id = str(visit.request.path_params["domain_id"])
    if await visit.resources.token.get_logon_domain(domain_id) is None:
        raise PageError("not_found", 404)
    if await visit.session(domain_id):
        return visit.go(f"/logon/account/{domain_id}")
    systems = await find_logon_systems(visit.resources, domain_id)
    on, say = (entrance(domain_id), "log_on"), visit.language.say
    return visit.page("message", systems, title=say("signed_out"), text=say("signed_out_text"), alert=False, on=on)


async def app(visit: Visit) -> Response:
    """What an app goes on with. Of another user's, token says nothing."""
    domain_id, session = await session_of(visit)
    session_id = _named(await visit.form(csrf_of(session)))
    await visit.resources.token.sign_user_out(domain_id, session.user_id, session.user_id, session_ids=[session_id])
    return visit.go(f"/logon/account/{domain_id}")


async def everywhere(visit: Visit) -> Response:
    """All but this browser."""
    domain_id, session = await session_of(visit)
    await visit.form(csrf_of(session))
    await _told(visit, sign_out_everywhere(visit.resources, domain_id, session.user_id, kept=session.session_id))
    return visit.go(f"/logon/account/{domain_id}")


def _named(form: FormData) -> UUID:
    """The session that a form names. Raises `PageError`: that is none."""
    try:
        return UUID(str(form.get("session", "")))
    except ValueError as error:
        raise PageError("over") from error


async def _told(visit: Visit, signing_out: Awaitable[None]) -> None:
    """Sign out here and at token. Raises `PageError`: here it is done, and token is yet to be told."""
    try:
        await signing_out
    except Unavailable as refusal:
        visit.failed(refusal)
        raise PageError("apps_later", 503) from refusal
