"""One request of a browser, and every kind of answer that a page gives it."""

import base64
import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.errors import LogonRefused
from services.account.model.bearers import read_bearer
from services.account.model.logon import BrowserSession, fits
from services.account.model.user_systems import LogonSystems
from services.account.pages.flow import LIFETIME, Flow, FlowSeal
from services.account.pages.known import KNOWN_LIFETIME, KnownSeal
from services.account.pages.languages import LANGUAGES, Language, find_language
from services.account.pages.rendering import render
from services.account.resources import Resources
from services.runtime.errors import Refusal

log = structlog.get_logger()

_LANGUAGE_COOKIE = "tessera-language"
_LANGUAGE_SECONDS = 365 * 24 * 3600
_LOOPBACK = re.compile(r"(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?")
_FLOW, _SESSION, _KNOWN = "tessera-logon-", "tessera-session-", "tessera-known"
# A browser that is asked to log on again and again keeps no more than this of it.
_MAX_FLOWS = 6
_FORM = "application/x-www-form-urlencoded"
# Nothing but our own style sheet and pictures by https; no script, no frame around it, forms for us alone.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
# Stands in an address of ours to which a form leads.
_BY_FORM = "form"
# What a browser says of who sends it here (W3C Fetch Metadata): our own page, or the person.
_OWN_SITES = ("", "same-origin", "none")


class PageError(Exception):
    """A page that says what is wrong.

    Args:
        key: of its text.
        status: of HTTP.
    """

    def __init__(self, key: str, status: int = 400) -> None:
        super().__init__(key)
        self.key = key
        self.status = status


class FlowDone(Exception):
    """A logon that came to its end before: its page says to what."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow.done)
        self.flow = flow


class Visit:
    """A request.

    Args:
        request: as Starlette has it.
        resources: the parts of the service.
        seal: of flows.
        known_seal: of those who have logged on before.
    """

    def __init__(self, request: Request, resources: Resources, seal: FlowSeal, known_seal: KnownSeal) -> None:
        self.request = request
        self.resources = resources
        self._seal = seal
        self._known_seal = known_seal
        # The language that the app wants.
        self.wish = ""
        # What the browser is to keep, and for how long: nothing said is until it is closed, 0 is no longer.
        self._cookies: dict[str, tuple[str, int | None]] = {}

    @property
    def now(self) -> datetime:
        """The service's time."""
        return self.resources.clock.now()

    @property
    def address(self) -> str:
        """Where the browser is, as the gateway saw it: of IPv6 its network, since a caller has a whole one."""
        text = self.request.client.host if self.request.client else ""
        try:
            address = ip_address(text)
        except ValueError:
            return text
        if isinstance(address, IPv6Address):
            return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
        return str(address)

    @property
    def is_here(self) -> bool:
        """Whether the browser is on this machine."""
        return self.address in ("127.0.0.1", "::/64")

    @cached_property
    def language(self) -> Language:
        """What the person reads: as it was chosen, the app says, or the browser (RFC 9110 section 12.5.4)."""
        chosen = self.request.cookies.get(_LANGUAGE_COOKIE, "")
        return (
            LANGUAGES.get(chosen)
            or LANGUAGES.get(self.wish)
            or _preferred(self.request.headers.get("accept-language", ""))
        )

    @property
    def host(self) -> str:
        """The host at which the browser found us, as it says."""
        return self.request.headers.get("host", "").lower()

    def base(self, issuer: str) -> str:
        """Scheme and host of the pages of an issuer, as others are told of them (docs/adr/0086).

        Raises:
            PageError: the browser found us at another host. One machine has several names for itself.
        """
        declared = urlsplit(issuer)
        here = _LOOPBACK.fullmatch(self.host) and _LOOPBACK.fullmatch(declared.netloc)
        if self.host != declared.netloc and not here:
            log.warning("a page at a host that is not its issuer's", host=self.host, issuer=issuer)
            raise PageError("host", 404)
        return f"{declared.scheme}://{self.host}"

    @property
    def _secure(self) -> bool:
        """Whether cookies are for TLS alone: always, but where the browser speaks to its own machine."""
        return self.request.url.scheme == "https" or not _LOOPBACK.fullmatch(self.host)

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self._secure else name

    @property
    def here(self) -> str:
        """Where the same page is shown again: that of a form, without it; what a user system says is good once."""
        url = self.request.url
        again = self.request.method == "GET" and url.query and not url.path.startswith("/logon/back/")
        return f"{url.path}?{url.query}" if again else url.path

    # What a browser keeps.

    def flow(self, flow_id: str) -> Flow:
        """The logon of an id. Raises `PageError`: this browser has none, or none any more; `FlowDone`."""
        flow = self.find_flow(flow_id)
        if flow is None:
            raise PageError("insecure" if self._keeps_nothing else "over")
        if flow.done:
            raise FlowDone(flow)
        return flow

    def find_flow(self, flow_id: str) -> Flow | None:
        """The logon of an id, also one that came to its end; `None`: this browser has none."""
        flow = self._open(self._named(f"{_FLOW}{flow_id}"), flow_id)
        return self._come_to(flow) if flow else None

    def flow_of(self, user_system_id: str, state: str) -> Flow:
        """The logon that is away at a user system and waits for a state. Raises `PageError`."""
        for flow in self._flows():
            if (
                flow.left
                and flow.left.user_system_id == user_system_id
                and hmac.compare_digest(flow.left.kept.state.encode(), state.encode())
            ):
                return self._come_to(flow)
        raise PageError("over")

    def _come_to(self, flow: Flow) -> Flow:
        """A flow, in the language that its app wants."""
        self.wish = flow.ask.language if flow.ask else ""
        return flow

    @property
    def _keeps_nothing(self) -> bool:
        """Whether the browser takes no cookie of ours: those for TLS alone, without TLS."""
        named = any(name.startswith("__Host-tessera-") for name in self.request.cookies)
        return self._secure and self.request.url.scheme != "https" and not named

    def _flows(self) -> Iterator[Flow]:
        prefix = self._named(_FLOW)
        for name in self.request.cookies:
            if name.startswith(prefix) and (flow := self._open(name, name.removeprefix(prefix))):
                yield flow

    def _open(self, name: str, flow_id: str) -> Flow | None:
        try:
            sealed = base64.b64decode(self.request.cookies.get(name, ""), altchars=b"-_", validate=True)
        except ValueError:
            return None
        return self._seal.open(sealed, flow_id, self.now)

    def keep(self, flow: Flow) -> None:
        """Have the browser keep a logon. Raises `FlowTooLargeError`."""
        sealed = base64.urlsafe_b64encode(self._seal.seal(flow)).decode()
        kept = self._named(f"{_FLOW}{flow.flow_id}")
        others = {self._named(f"{_FLOW}{other.flow_id}"): other.begun_at for other in self._flows()}
        others.pop(kept, None)
        young = sorted(others, key=lambda name: others[name], reverse=True)[: _MAX_FLOWS - 1]
        # Those that are over, too: a browser that is never closed would come with more than the gateway takes.
        for name in self.request.cookies:
            if name.startswith(self._named(_FLOW)) and name not in young:
                self._cookies[name] = ("", 0)
        self._cookies[kept] = (sealed, int(LIFETIME.total_seconds()))

    def forget(self, flow: Flow) -> None:
        """Have the browser forget a logon."""
        self._cookies[self._named(f"{_FLOW}{flow.flow_id}")] = ("", 0)

    async def session(self, domain_id: str) -> BrowserSession | None:
        """Who is logged on to a domain in this browser; `None`: nobody, or by what lets nobody in any more."""
        presented = read_bearer(self.request.cookies.get(self._named(f"{_SESSION}{domain_id}"), ""))
        if presented is None:
            return None
        session_id, secret = presented
        session = await self.resources.store.select_logon_session(domain_id, session_id, self.now)
        if session is None or not fits(session, secret):
            return None
        systems = await find_logon_systems(self.resources, domain_id)
        return session if systems.let_in(session.method, session.user_system_id) else None

    def keep_session(self, domain_id: str, value: str) -> None:
        """Have the browser keep that it is logged on, until it is closed."""
        self._cookies[self._named(f"{_SESSION}{domain_id}")] = (value, None)

    def forget_session(self, domain_id: str) -> None:
        """Have the browser forget that it is logged on."""
        self._cookies[self._named(f"{_SESSION}{domain_id}")] = ("", 0)

    def known(self, domain_id: str, way: str, name: str) -> UUID:
        """By what this browser is counted where somebody is to be proven: of its own, or `STRANGER`.

        Args:
            domain_id: where.
            way: the type of an identity, or the user system that knows the name.
            name: as it is compared.
        """
        kept = self.request.cookies.get(self._named(_KNOWN), "")
        return self._known_seal.find(kept, domain_id, way, name, self.now)

    def keep_known(self, domain_id: str, way: str, name: str) -> None:
        """Have the browser keep that somebody was proven in it, for longer than it stays logged on."""
        kept = self.request.cookies.get(self._named(_KNOWN), "")
        sealed = self._known_seal.add(kept, domain_id, way, name, self.resources.new_id())
        self._cookies[self._named(_KNOWN)] = (sealed, int(KNOWN_LIFETIME.total_seconds()))

    # What a browser sends.

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether a page of another site sent the browser here, as far as it says so."""
        return self.request.headers.get("sec-fetch-site", "") not in _OWN_SITES

    @property
    def is_by_form(self) -> bool:
        """Whether a form led here: browsers hold that to the policy of its page over all redirects (docs/adr/0089)."""
        return self.request.method == "POST" or _BY_FORM in self.request.query_params

    async def body(self) -> bytes:
        """A form as it came. Raises `PageError`: it is of another kind, and what reads those has more ways to fail."""
        content_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != _FORM:
            raise PageError("over", 403)
        return await self.request.body()

    async def form(self, csrf: str) -> FormData:
        """A form of ours. Raises `PageError` where it is none: without what only our page knew."""
        await self.body()
        if self.is_from_elsewhere:
            raise PageError("over", 403)
        form = await self.request.form()
        given = form.get("csrf")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), csrf.encode()):
            raise PageError("over", 403)
        return form

    # What is told of it to who operates this.

    def refused(self, type_: str, refused: LogonRefused) -> None:
        """Somebody was not let in."""
        log.info("not let in", type=type_, reason=refused.key, detail=refused.detail)

    def failed(self, refusal: Refusal) -> None:
        """Something that a page needs is away."""
        log.warning("page refused", reason=refusal.reason, detail=refusal.detail or refusal.message)

    # What it is answered.

    def page(
        self,
        template: str,
        systems: LogonSystems | None = None,
        *,
        status: int = 200,
        flow: Flow | None = None,
        **facts: Any,
    ) -> Response:
        """A page.

        Args:
            template: which.
            systems: of the domain, whose name and colour it has; `None`: of none.
            status: of HTTP.
            flow: the logon of an app from which one may go back to that; `None`: there is none.
            facts: what it shows.
        """
        settings = systems.settings if systems else None
        cancel = f"/logon/{flow.flow_id}/cancel" if flow and flow.ask and flow.ask.redirect_uri else ""
        body = render(template, self.language, settings=settings, **{"here": self.here, "cancel": cancel} | facts)
        response = HTMLResponse(body, status)
        response.headers["content-security-policy"] = _POLICY
        response.headers["content-language"] = self.language.tag
        response.headers["vary"] = "accept-language, cookie"
        return self._told(response)

    def go(self, url: str) -> Response:
        """The way on: always by GET (RFC 9700 section 4.12)."""
        return self._told(RedirectResponse(url, 303))

    def step(self, path: str) -> Response:
        """The way on to a page from which it may go on elsewhere: it is told if a form led here."""
        return self.go(f"{path}?{_BY_FORM}" if self.is_by_form else path)

    def leave(self, url: str, app: str, systems: LogonSystems) -> Response:
        """The way back to an app; where a form led here, by a page that goes on by itself.

        Args:
            url: of the app, with its answer.
            app: what it is called.
            systems: as `page`.
        """
        return self.page("leave", systems, url=url, app=app, here="") if self.is_by_form else self.go(url)

    def speak(self, tag: str, back: str) -> Response:
        """The same page in another language."""
        response = RedirectResponse(back, 303)
        response.set_cookie(
            _LANGUAGE_COOKIE, tag, max_age=_LANGUAGE_SECONDS, secure=self._secure, httponly=True, samesite="lax"
        )
        return self._told(response)

    def _told(self, response: Response) -> Response:
        for name, (value, seconds) in self._cookies.items():
            response.set_cookie(name, value, max_age=seconds, secure=self._secure, httponly=True, samesite="lax")
        return response


def csrf_of(session: BrowserSession, flow: Flow | None = None) -> str:
    """What the forms of who is logged on give back: nobody works it out who does not have the session's secret.

    Args:
        session: who was shown the form; of nobody else is it taken.
        flow: the logon that it is about, if it is.
    """
    return sha256(b"csrf\0" + session.secret_hash + (flow.csrf if flow else "").encode()).hexdigest()


def _preferred(header: str) -> Language:
    def weight(part: str) -> float:
        try:
            return float(part.partition(";q=")[2] or 1)
        except ValueError:
            return 0.0

    wanted = sorted((part.strip().lower() for part in header.split(",")[:20]), key=weight, reverse=True)
    return LANGUAGES[find_language(part.partition(";")[0] for part in wanted if weight(part) > 0) or "en"]
