"""Where somebody lets a device be logged on that has no browser (RFC 8628 section 3.3)."""

from starlette.responses import Response

from services.account.actions.logon.find_device import find_device
from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LogonRefused
from services.account.model import compact
from services.account.pages.flow import Ask, begin
from services.account.pages.visit import PageError, Visit

_CODE_CHARS, _MAX_CODE_CHARS = 8, 20
_MAX_DOMAIN_CHARS = 64


def _shown(typed: str) -> str:
    """A code as its device shows it, if it may be one."""
    code = compact(typed).upper()
    return f"{code[:4]}-{code[4:]}" if len(code) == _CODE_CHARS else code


async def page(visit: Visit) -> Response:
    """The page on which the code of a device is entered; with one, the way on to log on and to confirm it.

    Who is not logged on is before the code is looked for: who guesses is a user, and counted as one (docs/adr/0085).
    What is behind an address that somebody sent is shown before anything is let: the code, and who asks
    (section 5.4, remote phishing).
    """
    query = visit.request.query_params
    code, domain_id = _shown(query.get("user_code", "")), query.get("domain_id", "")[:_MAX_DOMAIN_CHARS]
    domain = await visit.resources.token.get_logon_domain(domain_id, visit.host)
    if domain is None:
        raise PageError("not_found", 404)
    systems = await find_logon_systems(visit.resources, domain.domain_id)

    def enter(error: str = "") -> Response:
        return visit.page(
            "device",
            systems,
            domain_id=domain_id,
            error=error,
            code=code[:_MAX_CODE_CHARS],
            status=400 if error else 200,
        )

    # A link of somebody else's uses up none of the tries that its reader has.
    if not code or visit.is_from_elsewhere:
        return enter()
    if len(code) > _MAX_CODE_CHARS:
        return enter("user_code")
    session = await visit.session(domain.domain_id)
    if session is None:
        flow = begin(domain.domain_id, visit.now, None, user_code=code)
        visit.keep(flow)
        return visit.step(f"/logon/{flow.flow_id}")
    try:
        device = await find_device(visit.resources, domain.domain_id, session.user_id, code, address=visit.address)
    except LogonRefused as refused:
        visit.refused("device", refused)
        return enter(refused.key)
    ask = Ask(
        client_id=device.client_id,
        redirect_uri="",
        state="",
        scopes=device.scopes,
        nonce="",
        code_challenge="",
        consent=True,
        login_hint="",
        user_code=code,
        device=device,
    )
    app = await visit.resources.token.get_logon_app(device.client_id)
    if app is None or not app.admitted:
        raise PageError("client")
    flow = begin(device.domain_id, visit.now, ask)
    visit.keep(flow)
    return visit.go(f"/logon/{flow.flow_id}/consent")
