"""Account's pages in this process, before the real token service; for user systems elsewhere a test answers."""

import base64
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import grpc
from tessera.account.v1 import logon_service_pb2_grpc

from services.account.connectors import Kept, Proven, Wish
from services.account.errors import LogonRefused
from services.account.model import Identity, normalise
from services.account.model.domain_settings import DomainSettings
from services.account.model.user_systems import (
    CustomSettings,
    EmailSettings,
    LdapSettings,
    MobileSettings,
    UserSystem,
    UserSystemSettings,
)
from services.account.pages.flow import Flow, FlowSeal
from services.account.resources import Resources
from services.account.senders import Message
from services.account.service.logon_service import LogonServicer
from services.runtime.errors import Unavailable
from services.runtime.telemetry import take_request_id
from tests.account.pages.browsers import Browser, Page, target
from tests.support.token import DOMAIN, Running
from tests.support.token_client import REDIRECT_URI, App, TokenClient


@dataclass
class Inbox:
    """Keeps what is sent, in place of sending it."""

    messages: list[Message] = field(default_factory=list)
    fails: Unavailable | None = None

    def check(self, type_: str) -> None:
        """Everything can be kept."""

    async def send(self, message: Message) -> None:
        """Keep it; once not, where it is to fail."""
        if self.fails:
            fails, self.fails = self.fails, None
            raise fails
        self.messages.append(message)

    def code(self, address: str) -> str:
        """The newest code for an address."""
        return next(each.code for each in reversed(self.messages) if each.address == address)


@dataclass(frozen=True)
class Given:
    """A code that a provider gave a browser: good once, for who left with this verifier, at this provider."""

    issuer: str
    subject: str
    verifier: str


class Elsewhere:
    """OpenID providers with PKCE, as far as one sees of them from here: each gives codes and takes its own back."""

    def __init__(self) -> None:
        self.given: dict[str, Given] = {}
        self.left: list[tuple[str, Kept, str, Wish]] = []
        self.asked = 0
        self.display_name = ""
        self.fails: Unavailable | None = None

    async def leave(self, system: UserSystem, kept: Kept, redirect_uri: str, wish: Wish) -> str:
        self._fail()
        self.left.append((system.user_system_id, kept, redirect_uri, wish))
        return target(f"{_issuer(system)}/authorize", state=kept.state, redirect_uri=redirect_uri)

    def give(self, issuer: str, subject: str, verifier: str) -> str:
        """A code for somebody who has logged on there."""
        code = uuid.uuid4().hex
        self.given[code] = Given(issuer, subject, verifier)
        return code

    async def come_back(self, system: UserSystem, kept: Kept, _uri: str, answer: Mapping[str, str]) -> Proven:
        self.asked += 1
        self._fail()
        given = self.given.pop(answer.get("code", ""), None)
        if given is None or (given.issuer, given.verifier) != (_issuer(system), kept.verifier):
            raise LogonRefused("refused")
        return Proven(normalise("custom", f"{given.issuer}|{given.subject}"), self.display_name)

    async def test(self, _system: UserSystem) -> list[str]:
        return []

    def _fail(self) -> None:
        """Once, where it is to."""
        if self.fails:
            fails, self.fails = self.fails, None
            raise fails


class Directory:
    """A directory in which everybody has the same password."""

    async def prove(self, _system: UserSystem, name: str, password: str) -> Proven:
        if password != "right":
            raise LogonRefused("wrong_credentials")
        return Proven(normalise("ldap", name), name)

    async def test(self, _system: UserSystem) -> list[str]:
        return []


def _issuer(system: UserSystem) -> str:
    return (
        system.settings.issuer if isinstance(system.settings, CustomSettings) else f"https://{system.type}.example.com"
    )


@dataclass
class Sitting:
    """The pages, what is behind them, and a domain with an app and a user system of most kinds."""

    stub: logon_service_pb2_grpc.LogonServiceStub
    resources: Resources
    token: Running
    tenant: TokenClient
    domain_id: str
    app: App
    inbox: Inbox
    elsewhere: Elsewhere
    ways: dict[str, str]

    @property
    def seal(self) -> FlowSeal:
        return FlowSeal(self.resources.proof_key.derive("tessera logon flows"))

    def browser(self, **changed: str) -> Browser:
        return Browser(self.stub, **changed)

    def ask(self, **changed: str | None) -> str:
        """The address that an app sends a browser to; `None` leaves a parameter out."""
        asked = {
            "client_id": self.app.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "state": "the state",
        } | changed
        return target("/v2/oauth/authorize", **{name: value for name, value in asked.items() if value is not None})

    async def begin(self, browser: Browser, **changed: str | None) -> Page:
        """The first page of a logon."""
        page = await browser.follow(await browser.get(self.ask(**changed)))
        assert page.status == 200, page.text
        return page

    def flow_id(self, page: Page) -> str:
        return page.target.partition("?")[0].split("/")[2]

    def cookie(self, browser: Browser, flow_id: str) -> str:
        return browser.cookies[f"__Host-tessera-logon-{flow_id}"]

    def opened(self, browser: Browser, flow_id: str) -> Flow:
        """What a browser keeps of a flow, read."""
        flow = self.seal.open(
            base64.urlsafe_b64decode(self.cookie(browser, flow_id)), flow_id, self.resources.clock.now()
        )
        assert flow
        return flow

    async def send_code(self, browser: Browser, page: Page, address: str) -> Page:
        """The page on which the code is entered that was sent to an address."""
        type_ = "email" if "@" in address else "mobile"
        form = await browser.follow(await browser.get(f"/logon/{self.flow_id(page)}/{self.ways[type_]}"))
        more = {"country_code": "86"} if type_ == "mobile" else {}
        return await browser.fill(form, address=address, **more)

    async def prove(self, browser: Browser, page: Page, address: str) -> Page:
        """The page behind the code that was sent to an address."""
        page = await self.send_code(browser, page, address)
        assert page.target.endswith("/code"), page.text
        key = address if "@" in address else f"+86{address}"
        return await browser.fill(page, code=self.inbox.code(key))

    async def log_on(self, browser: Browser, address: str, **changed: str | None) -> Page:
        """Log a browser on by a code; what the app is then answered."""
        page = await self.prove(browser, await self.begin(browser, **changed), address)
        if not page.location:
            page = await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})
        assert page.location.startswith(REDIRECT_URI), page.text
        return page

    async def log_on_again(self, browser: Browser) -> Page:
        """What the app is answered for a browser that is logged on already."""
        return await browser.get((await browser.get(self.ask())).location)

    async def leave(self, browser: Browser, page: Page, way: str) -> tuple[str, Kept]:
        """Send a browser to a provider; the state that it carries, and all that is kept of it."""
        answer = await browser.get(f"/logon/{self.flow_id(page)}/{self.ways[way]}")
        assert answer.status == 303, answer.text
        return answer.answer["state"], self.elsewhere.left[-1][1]

    async def begin_link(self, browser: Browser, way: str) -> Page:
        """The page of a way, or the answer that leads to a provider, for who is to get another identity by it."""
        page = await browser.get(f"/logon/account/{self.domain_id}")
        begun = await browser.post(f"{page.target}/link", {"csrf": page.csrf})
        return await browser.get(f"{begun.location}/{self.ways[way]}")

    async def come_back(self, browser: Browser, way: str, **answer: str) -> Page:
        return await browser.get(target(f"/logon/back/{self.ways[way]}", **answer))

    async def user_of(self, identity: Identity) -> str | None:
        link = await self.resources.store.select_link(self.domain_id, identity)
        return link.user_id if link else None

    async def an_hour_passes(self) -> None:
        """For the limits of codes: none was sent yet."""
        async with self.resources.store.transaction() as store:
            await store._database.execute("delete from account.logon_code where domain_id = $1", self.domain_id)

    async def token_is_told(self, user_id: str) -> None:
        """What waits to be done at token about a user is done, as a worker does it a little later."""
        outbox, store = self.resources.outbox, self.resources.store
        for order in await store.select_due_orders(self.resources.clock.now() + timedelta(days=1), 1_000):
            if order.user_id == user_id:
                await (outbox.end_sessions(order) if order.kind == "end_sessions" else outbox.end_browsers(order))

    async def set(self, **changed: object) -> None:
        """Change settings of the domain."""
        changed_ = replace(DomainSettings(), **changed)
        found = await self.resources.store.select_logon_systems(self.domain_id)
        await self.resources.store.write_domain_settings(
            self.domain_id, replace(changed_, version=found.settings.version), self.resources.clock.now()
        )


async def sit(
    stub: logon_service_pb2_grpc.LogonServiceStub,
    resources: Resources,
    token: Running,
    *,
    inbox: Inbox,
    elsewhere: Elsewhere,
    tenant: TokenClient | None = None,
) -> Sitting:
    """A domain with what people log on by, and an app."""
    domain_id = tenant.made["domain_id"] if tenant else DOMAIN
    ways: dict[str, str] = {}
    of: dict[str, UserSystemSettings] = {
        "mobile": MobileSettings(),
        "email": EmailSettings(),
        "one": CustomSettings("https://one.example.com", "tessera"),
        "other": CustomSettings("https://other.example.com", "tessera"),
        "ldap": LdapSettings("ldaps://ldap.example.com", "dc=example"),
    }
    # Those of a worker that was here before, between two files of another folder.
    async with resources.store.transaction() as store:
        await store._database.execute("delete from account.user_system where domain_id = $1", domain_id)
    for name, settings in of.items():
        system = UserSystem(domain_id, str(resources.new_id()), settings=settings, secret="", has_secret=False)
        assert await resources.store.insert_user_system(system, resources.clock.now())
        ways[name] = system.user_system_id
    app = await (tenant or token).web_app()
    return Sitting(stub, resources, token, tenant or token, domain_id, app, inbox, elsewhere, ways)


@asynccontextmanager
async def serving_pages(resources: Resources) -> AsyncIterator[logon_service_pb2_grpc.LogonServiceStub]:
    """LogonService alone, on a port of its own."""
    server = grpc.aio.server(options=[("grpc.max_metadata_size", 65_536), ("grpc.absolute_max_metadata_size", 65_536)])
    logon_service_pb2_grpc.add_LogonServiceServicer_to_server(LogonServicer(resources), server)
    port = server.add_insecure_port("127.0.0.1:0")
    # What the pipeline of the runtime does for each call.
    take_request_id(None)
    await server.start()
    options = [("grpc.max_metadata_size", 65_536), ("grpc.absolute_max_metadata_size", 65_536)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield logon_service_pb2_grpc.LogonServiceStub(channel)
    await server.stop(None)
