"""A person with a browser: what people do on the pages of logon."""

import itertools
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import httpx
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.app import App

Wait = Callable[[], Awaitable[None]]

_NUMBERS = itertools.count(random.SystemRandom().randrange(10**7))


def new_number() -> str:
    """A mobile number that nobody has used."""
    return f"139{next(_NUMBERS) % 10**8:08d}"


def shown(number: str) -> str:
    """A number as pages show it."""
    return f"+86 {number[:3]} {number[3:7]} {number[7:]}"


class Person:
    """Somebody.

    Args:
        context: the browser, with nothing that another's keeps.
        page: a tab of it.
        app: that this person uses.
        wait_a_minute: lets the time pass in which an address is sent no second code.
    """

    def __init__(self, context: BrowserContext, page: Page, app: App, wait_a_minute: Wait) -> None:
        self.context = context
        self.page = page
        self.app = app
        self.wait_a_minute = wait_a_minute

    @classmethod
    async def at(cls, browser: Browser, app: App, wait_a_minute: Wait, **options: Any) -> Self:
        """Sit down at a browser: without scripts, unless it is said otherwise."""
        here = f"198.51.{random.SystemRandom().randrange(256)}.{random.SystemRandom().randrange(256)}"
        usual = {"locale": "en", "java_script_enabled": False, "extra_http_headers": {"x-forwarded-for": here}}
        context = await browser.new_context(**(usual | options))
        return cls(context, await context.new_page(), app, wait_a_minute)

    async def other_tab(self) -> Self:
        """Another tab of the same browser."""
        return type(self)(self.context, await self.context.new_page(), self.app, self.wait_a_minute)

    async def begin(self, **asked: str) -> None:
        """Click on "Log on" in the app."""
        await self.page.goto(self.app.link(**asked))

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        """Follow a link."""
        await self.page.get_by_role("link", name=name, exact=True).click()

    async def have_sent(self, address: str) -> str:
        """Have a code sent to a number or an address; answers the code."""
        if "@" in address:
            await self.follow("Email address")
            await self.page.get_by_label("Email address").fill(address)
        else:
            await self.follow("Mobile number")
            await self.page.get_by_label("Mobile number").fill(address)
        await self.press("Send code")
        return await self.code_for(address)

    async def code_for(self, address: str) -> str:
        """The last code that was sent to a number or an address, as the page of what was sent shows it."""
        # Who sits at the machine that sends no codes but shows them.
        async with httpx.AsyncClient(base_url=self.app.gateway, timeout=20, verify=False) as http:
            inbox = await http.get("/logon/inbox")
        rows = (re.sub(r"<[^>]*>", " ", row) for row in inbox.text.split("<li>"))
        found = next(match for row in rows if address in row and (match := re.search(r"\b[0-9]{6}\b", row)))
        return found[0]

    async def enter(self, code: str) -> None:
        """Enter a code."""
        await self.page.get_by_label("6-digit code").fill(code)
        await self.press("Continue")

    async def prove(self, address: str) -> None:
        """From the page on which a way is chosen to that which comes after the code."""
        await self.enter(await self.have_sent(address))

    async def log_on(self, address: str, **asked: str) -> dict[str, Any]:
        """From the app to its token."""
        await self.begin(**asked)
        await self.prove(address)
        await self.press("Allow")
        return await self.app.token(await self.back())

    async def log_on_again(self, address: str) -> dict[str, Any]:
        """The same of somebody who has let the app have it before."""
        await self.wait_a_minute()
        await self.begin()
        await self.prove(address)
        return await self.app.token(await self.back())

    async def remove(self, name: str) -> None:
        """Remove a way to log on from one's account, whose name begins so, and say once more that it is meant."""
        await self.page.get_by_label(f"Remove: {name}").first.click()
        await self.page.get_by_role("button", name=f"Yes, remove: {name}").click()

    async def sees(self, heading: str) -> None:
        """The page is about that."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    async def reads(self, *texts: str) -> None:
        """The page says that."""
        for text in texts:
            await expect(self.page.get_by_role("main")).to_contain_text(text)

    async def is_told(self, problem: str) -> None:
        """The page says that something is wrong."""
        await expect(self.page.get_by_role("alert")).to_contain_text(problem)

    async def back(self) -> str:
        """At the app again; answers where."""
        await self.page.wait_for_url(f"{self.app.redirect_uri}?*")
        return self.page.url

    async def look_at_account(self) -> None:
        """Open the page of one's account."""
        await self.page.goto(f"{self.app.gateway}/logon/account?client_id={self.app.client_id}")
