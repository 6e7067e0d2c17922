"""The authorization endpoint (RFC 6749 section 3.1, RFC 9700, OpenID Connect Core section 3.1.2), as a list of steps.

What is wrong with the client or its redirect URI is said on a page and sent nowhere. All else goes back to the app.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.responses import Response

from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.model.logon import BrowserSession, LogonApp
from services.account.pages import consent, ways
from services.account.pages.answers import AuthorizationError, answer_to
from services.account.pages.flow import Ask, FlowTooLargeError, begin
from services.account.pages.languages import find_language
from services.account.pages.visit import PageError, Visit
from services.runtime.errors import Refusal

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43,128}")
_PROMPTS = {"none", "login", "consent", "select_account"}
_MAX_PARAMETERS = 50
# What becomes of it stands among the headers of a request.
_MAX_FORM_BYTES = 16_384
_MAX_CHARS = 1_024
# Of a state that is too long, what is given back all the same: whole, or not at all.
_MAX_STATE_CHARS = 4_096
# Those that we look at: what we do not know is nothing to us, however long (RFC 6749 section 3.1).
_BOUNDED = (
    "state",
    "scope",
    "nonce",
    "code_challenge",
    "login_hint",
    "login_type",
    "prompt",
    "max_age",
    "ui_locales",
    "response_type",
    "response_mode",
)
# RFC 6749 section 3.3: printable, but for quote and backslash; separated by blanks, or by commas as the vendor does.
_SCOPES = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class _Request:
    """What came: each parameter once. `twice` are the names of those that came more often."""

    values: Mapping[str, str]
    twice: frozenset[str]

    def get(self, name: str) -> str:
        """A parameter; empty: absent, which is the same (RFC 6749 section 3.1)."""
        return self.values.get(name, "")


async def authorize(visit: Visit) -> Response:
    """Begin to log somebody on for an app."""
    request = _read(visit)
    visit.wish = find_language(request.get("ui_locales")[:_MAX_CHARS].split())
    app, redirect_uri = await _client(visit, request)
    state = request.get("state") if len(request.get("state")) <= _MAX_STATE_CHARS else ""
    try:
        return await _proceed(visit, request, app, redirect_uri)
    except AuthorizationError as error:
        return visit.go(answer_to(app, redirect_uri, state, error=error))
    except Refusal as refusal:
        visit.failed(refusal)
        away = AuthorizationError("temporarily_unavailable", "try again")
        return visit.go(answer_to(app, redirect_uri, state, error=away))


async def take(visit: Visit) -> Response:
    """The same by a form (OpenID Connect Core section 3.1.2.1): on to what it says as a query.

    A browser that comes with another site's form leaves at home what it keeps, but not on the way on.
    """
    asked = await visit.body()
    if len(asked) > _MAX_FORM_BYTES or not asked.isascii():
        raise PageError("malformed")
    return visit.go(f"/v2/oauth/authorize?{asked.decode()}")


def _read(visit: Visit) -> _Request:
    query = visit.request.url.query
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise PageError("malformed") from error
    values: dict[str, str] = {}
    twice = set()
    for name, value in pairs:
        if name in values:
            twice.add(name)
        values[name] = value
    return _Request(values, frozenset(twice))


async def _client(visit: Visit, request: _Request) -> tuple[LogonApp, str]:
    """The app and the address that its answer goes to. Raises `PageError`."""
    if request.twice & {"client_id", "redirect_uri"}:
        raise PageError("twice")
    client_id, redirect_uri = request.get("client_id"), request.get("redirect_uri")
    if not 0 < len(client_id) <= 128 or len(redirect_uri) > _MAX_CHARS:
        raise PageError("client" if len(client_id) > 128 or not client_id else "redirect")
    app = await visit.resources.token.get_logon_app(client_id, redirect_uri)
    if app is None or not app.admitted or not app.redeems_codes:
        raise PageError("client")
    if not redirect_uri or not app.redirect_uri_registered:
        raise PageError("redirect")
    return app, redirect_uri


async def _proceed(visit: Visit, request: _Request, app: LogonApp, redirect_uri: str) -> Response:
    """What the app asked for, checked; and the first page. Raises `AuthorizationError`."""
    _check_form(request)
    prompts = _prompts(request)
    fresh_from = _fresh_from(request, prompts, visit)
    login_type = _login_type(request)
    ask = Ask(
        client_id=app.client_id,
        redirect_uri=redirect_uri,
        state=request.get("state"),
        scopes=_scopes(request, app),
        nonce=request.get("nonce"),
        code_challenge=_challenge(request, app),
        consent="consent" in prompts,
        login_hint=request.get("login_hint")[:255],
        login_type=login_type,
        fresh_from=fresh_from,
        language=visit.wish,
    )
    systems = await find_logon_systems(visit.resources, app.domain_id)
    wanted = ways.LOGIN_TYPES[login_type]
    if wanted and not any(each.type == wanted for each in ways.open_ways(systems)):
        raise AuthorizationError("invalid_request", "login_type is not turned on in this domain")
    session = await consent.session_for(visit, app.domain_id, ask)
    if "none" in prompts:
        return await _without_a_page(visit, app, ask, session)
    flow = begin(app.domain_id, visit.now, ask)
    try:
        visit.keep(flow)
    except FlowTooLargeError as error:
        raise AuthorizationError("invalid_request", "the request is too large") from error
    return visit.go(f"/logon/{flow.flow_id}/consent" if session else f"/logon/{flow.flow_id}")


def _check_form(request: _Request) -> None:
    if request.twice:
        raise AuthorizationError("invalid_request", "a parameter stands twice")
    if any(len(request.get(name)) > _MAX_CHARS for name in _BOUNDED):
        raise AuthorizationError("invalid_request", "a parameter is too long")
    match request.get("response_type"):
        case "code":
            pass
        case "":
            raise AuthorizationError("invalid_request", "response_type is missing")
        case "token":
            raise AuthorizationError(
                "unsupported_response_type", "tokens are not sent through browsers (RFC 9700): use code with PKCE"
            )
        case _:
            raise AuthorizationError("unsupported_response_type", "response_type is code")
    if request.get("response_mode") not in ("", "query"):
        raise AuthorizationError("invalid_request", "response_mode is query")
    for name in ("request", "request_uri", "registration"):
        if request.get(name):
            raise AuthorizationError(f"{name}_not_supported", f"{name} is not taken")


def _prompts(request: _Request) -> set[str]:
    prompts = set(request.get("prompt").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise AuthorizationError("invalid_request", "prompt is none, or any of login, consent and select_account")
    return prompts


def _login_type(request: _Request) -> str:
    login_type = request.get("login_type") or "default"
    if login_type not in ways.LOGIN_TYPES:
        raise AuthorizationError("invalid_request", "login_type is not known")
    return login_type


def _scopes(request: _Request, app: LogonApp) -> tuple[str, ...]:
    text = request.get("scope")
    if not _SCOPES.fullmatch(text):
        raise AuthorizationError("invalid_scope", "scope has a character that it may not have")
    wanted = dict.fromkeys(text.replace(",", " ").split())
    if not wanted or "all" in wanted:
        return app.scopes
    if not wanted.keys() <= set(app.scopes):
        raise AuthorizationError("invalid_scope", "the app may not have one of the scopes")
    return tuple(wanted)


def _challenge(request: _Request, app: LogonApp) -> str:
    challenge, method = request.get("code_challenge"), request.get("code_challenge_method")
    if not challenge:
        if app.needs_code_challenge or method:
            raise AuthorizationError("invalid_request", "code_challenge is missing (RFC 7636)")
        return ""
    # RFC 7636 section 4.3 has `plain` where nothing is said; RFC 9700 section 2.1.1 has it taken no more.
    if method != "S256":
        raise AuthorizationError("invalid_request", "code_challenge_method is S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise AuthorizationError("invalid_request", "code_challenge is none")
    return challenge


def _fresh_from(request: _Request, prompts: set[str], visit: Visit) -> float:
    """Since when a session has to be for this app, in seconds since 1970; 0: whenever it began."""
    text, now = request.get("max_age"), visit.now.timestamp()
    if text and (not text.isascii() or not text.isdecimal() or len(text) > 9):
        raise AuthorizationError("invalid_request", "max_age is a number of seconds")
    if prompts & {"login", "select_account"}:
        return now
    return now - int(text) if text else 0


async def _without_a_page(visit: Visit, app: LogonApp, ask: Ask, session: BrowserSession | None) -> Response:
    if session is None:
        raise AuthorizationError("login_required", "nobody is logged on")
    if await consent.is_needed(visit, app, ask, session):
        raise AuthorizationError("consent_required", "the user has not consented")
    try:
        code = await consent.code_for(visit, app, ask, session)
    except PageError as error:
        # Only that the app is let in no more is for nobody else than the person.
        if error.key == "client":
            raise
        raise AuthorizationError("login_required", "the user may not log on") from error
    if code is None:
        raise AuthorizationError("login_required", "the user has to log on anew")
    return visit.go(answer_to(app, ask.redirect_uri, ask.state, code=code))
