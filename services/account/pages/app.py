"""Which page is where."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from services.account.errors import LogonRefused
from services.account.pages import account, authorize, consent, device, proven, signing_out, ways
from services.account.pages.flow import FlowSeal
from services.account.pages.known import KnownSeal
from services.account.pages.languages import LANGUAGES
from services.account.pages.problems import problem
from services.account.pages.rendering import static
from services.account.pages.visit import FlowDone, PageError, Visit
from services.account.resources import Resources
from services.runtime.errors import Refusal

_Page = Callable[[Visit], Awaitable[Response]]

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_STYLE_SECONDS = 3600


def pages(resources: Resources) -> ASGIApp:
    """The application."""
    seal = FlowSeal(resources.proof_key.derive("tessera logon flows"))
    known_seal = KnownSeal(resources.proof_key.derive("tessera known browsers"))

    def at(path: str, *, get: _Page | None = None, post: _Page | None = None) -> Route:
        async def answer(request: Request) -> Response:
            visit = Visit(request, resources, seal, known_seal)
            page = post if request.method == "POST" else get
            try:
                response = await page(visit) if page else await problem(visit, "method", 405)
            except PageError as error:
                response = await problem(visit, error.key, error.status)
            except FlowDone as done:
                response = visit.go(f"/logon/{done.flow.flow_id}/done")
            except LogonRefused as refused:
                visit.refused("", refused)
                response = await problem(visit, refused.key, 403)
            except Refusal as refusal:
                visit.failed(refusal)
                response = await problem(visit, "unavailable", 503)
            return _guarded(response)

        return Route(path, answer, methods=["GET", "POST"])

    async def unknown(request: Request, _error: Exception) -> Response:
        visit = Visit(request, resources, seal, known_seal)
        return _guarded(await problem(visit, "not_found", 404))

    app = Starlette(
        routes=[
            at("/v2/oauth/authorize", get=authorize.authorize, post=authorize.take),
            at("/logon/static/style.css", get=_kept("style.css", "text/css")),
            at("/logon/static/icon.svg", get=_kept("icon.svg", "image/svg+xml")),
            at("/logon/static/accent/{color}.css", get=_accent),
            at("/logon/language/{tag}", get=_speak),
            at("/logon/device", get=device.page),
            at("/logon/inbox", get=account.inbox),
            at("/logon/account", get=account.enter),
            at("/logon/account/{domain_id}", get=account.page),
            at("/logon/account/{domain_id}/signed_out", get=signing_out.signed_out),
            at("/logon/account/{domain_id}/sign_out", post=signing_out.browser),
            at("/logon/account/{domain_id}/sign_out_app", post=signing_out.app),
            at("/logon/account/{domain_id}/sign_out_everywhere", post=signing_out.everywhere),
            at("/logon/account/{domain_id}/{what}", post=account.take),
            at("/logon/back/{way}", get=lambda visit: ways.come_back(visit, _of(visit, "way"))),
            at("/logon/{flow}", get=_in_flow(ways.choose)),
            at("/logon/{flow}/code", get=_in_flow(ways.code_page), post=_in_flow(ways.take_code)),
            at("/logon/{flow}/new", get=_in_flow(proven.newcomer_page), post=_in_flow(proven.take_newcomer)),
            at("/logon/{flow}/consent", get=_in_flow(consent.page), post=_in_flow(consent.take)),
            at("/logon/{flow}/cancel", get=_in_flow(consent.cancel)),
            at("/logon/{flow}/done", get=_done),
            at(
                "/logon/{flow}/{way}",
                get=lambda visit: ways.enter(visit, visit.flow(_of(visit, "flow")), _of(visit, "way")),
                post=lambda visit: ways.take(visit, visit.flow(_of(visit, "flow")), _of(visit, "way")),
            ),
        ],
        exception_handlers={HTTPException: unknown},
    )
    # It would lead to whatever host the request names, and by 307.
    app.router.redirect_slashes = False
    return app


def _guarded(response: Response) -> Response:
    """An answer with the headers that all have, where it has none of its own."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _of(visit: Visit, name: str) -> str:
    return str(visit.request.path_params[name])


def _in_flow(page: Callable[..., Awaitable[Response]]) -> _Page:
    return lambda visit: page(visit, visit.flow(_of(visit, "flow")))


async def _done(visit: Visit) -> Response:
    try:
        visit.flow(_of(visit, "flow"))
    except FlowDone as done:
        return await consent.done(visit, done.flow)
    raise PageError("over")


def _kept(name: str, media_type: str) -> _Page:
    async def answer(_visit: Visit) -> Response:
        return _same_for_all(static(name), media_type)

    return answer


async def _accent(visit: Visit) -> Response:
    color = _of(visit, "color")
    if len(color) != 6 or not set(color) <= set("0123456789abcdef"):
        raise PageError("not_found", 404)
    return _same_for_all(f":root {{ --accent: #{color}; }}\n".encode(), "text/css")


def _same_for_all(text: bytes, media_type: str) -> Response:
    response = Response(text, media_type=media_type)
    response.headers["cache-control"] = f"public, max-age={_STYLE_SECONDS}"
    return response


async def _speak(visit: Visit) -> Response:
    tag, back = _of(visit, "tag"), visit.request.query_params.get("back", "")
    path = back.partition("?")[0]
    # A path of ours and nothing that a browser would take for another host.
    ours = path.startswith("/logon/") or path == "/v2/oauth/authorize"
    if tag not in LANGUAGES or not ours or "\\" in path or "//" in path:
        raise PageError("not_found", 404)
    return visit.speak(tag, back)
