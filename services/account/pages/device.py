"""Where somebody lets a device be logged on that has no browser (RFC 8628 section 3.3)."""

from starlette.responses import Response

from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LogonRefused
from services.account.pages.flow import Ask, begin
from services.account.pages.visit import PageError, Visit

_MAX_CODE_CHARS = 20
_MAX_DOMAIN_CHARS = 64


async def page(visit: Visit) -> Response:
    """The page on which the code of a device is entered; with one, the way on to log on and to confirm it.

    What is behind an address that somebody sent is shown before anything is let: the code, and who asks
    (section 5.4, remote phishing).
    """
    query = visit.request.query_params
    code, domain_id = query.get("user_code", "").strip(), query.get("domain_id", "")[:_MAX_DOMAIN_CHARS]
    if not code:
        return await _page(visit, domain_id)
    if len(code) > _MAX_CODE_CHARS:
        return await _page(visit, domain_id, "user_code")
    try:
        device = await visit.resources.token.get_device(code, domain_id, visit.host)
    except LogonRefused as refused:
        visit.refused("device", refused)
        return await _page(visit, domain_id, refused.key, code)
    ask = Ask(
        client_id=device.client_id,
        redirect_uri="",
        state="",
        scopes=device.scopes,
        nonce="",
        code_challenge="",
        consent=True,
        login_hint="",
        user_code=code.upper(),
        device=device,
    )
    app = await visit.resources.token.get_logon_app(device.client_id)
    if app is None or not app.admitted:
        raise PageError("client")
    flow = begin(device.domain_id, visit.now, ask)
    visit.keep(flow)
    session = await visit.session(device.domain_id)
    return visit.go(f"/logon/{flow.flow_id}/consent" if session else f"/logon/{flow.flow_id}")


async def _page(visit: Visit, domain_id: str, error: str = "", code: str = "") -> Response:
    domain = await visit.resources.token.get_logon_domain(domain_id, visit.host)
    systems = await find_logon_systems(visit.resources, domain.domain_id) if domain else None
    return visit.page("device", systems, domain_id=domain_id, error=error, code=code, status=400 if error else 200)
