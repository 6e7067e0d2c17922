"""Where somebody lets a device be logged on that has no browser (RFC 8628 section 3.3)."""

from starlette.responses import Response

from services.account.errors import LogonRefused
from services.account.pages.flow import Ask, begin
from services.account.pages.visit import PageError, Visit

_MAX_CODE_CHARS = 20


async def page(visit: Visit) -> Response:
    """The page on which the code of a device is entered; with one, the way on to log on and to confirm it.

    What is behind an address that somebody sent is shown before anything is let: the code, and who asks
    (section 5.4, remote phishing).
    """
    code = visit.request.query_params.get("user_code", "").strip()
    if not code:
        return _page(visit)
    if len(code) > _MAX_CODE_CHARS:
        return _page(visit, "user_code")
    try:
        device = await visit.resources.token.get_device(code, visit.request.headers.get("host", ""))
    except LogonRefused as refused:
        visit.refused("device", refused)
        return _page(visit, refused.key, code)
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


def _page(visit: Visit, error: str = "", code: str = "") -> Response:
    return visit.page("device", error=error, code=code, status=400 if error else 200)
