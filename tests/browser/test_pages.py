"""Every page, in both languages and themes, narrow and wide: axe finds nothing serious, nothing sticks out."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2
from tessera.account.v1 import user_system_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.browser.app import DEVICE_CODE, App
from tests.browser.conftest import NewPerson
from tests.browser.operator import Operator
from tests.browser.person import Person, new_number

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venv/browser/node_modules/axe-core/axe.min.js"
# Where whoever looks at what CI kept finds them.
PICTURES = ROOT / "gen/screenshots"
LOGO = "https://pictures.example.com/logo.svg"
WIDE = "https://pictures.example.com/wide.svg"
_STICKS_OUT = "document.documentElement.scrollWidth > window.innerWidth"
_LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 40" width="{width}" height="40">
<rect width="{width}" height="40" rx="9" fill="#00695c"/>
<path d="M12 11h16v5h-5.5v14h-5v-14H12z" fill="#fff"/></svg>"""

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe is not installed: make .venv/.browser")


async def _logo(route: Route) -> None:
    width = 400 if route.request.url == WIDE else 40
    await route.fulfill(content_type="image/svg+xml", body=_LOGO.format(width=width))


async def findings(page: Page) -> list[str]:
    """What axe finds that is serious, or worse."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate("axe.run().then((done) => done.violations)")
    return [
        f"{each['id']}: {[node['html'] for node in each['nodes']]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


class Tour:
    """A walk through the pages.

    Args:
        person: who walks.
        language: whose pages these are.
        looks: themes and widths in pixels, of which there are to be pictures; axe looks at the last, and where that is
            narrow, nothing may stick out.
    """

    def __init__(self, person: Person, language: str, looks: Sequence[tuple[str, int]]) -> None:
        self.person = person
        self.page = person.page
        self._language = language
        self._looks = looks

    async def stop(self, name: str) -> None:
        """Look at a page."""
        assert self.page.url.startswith(self.person.app.gateway)
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(re.compile(r"\S"))
        for theme, width in self._looks:
            await self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            await self.page.set_viewport_size({"width": width, "height": 740})
            picture = PICTURES / f"{name}-{self._language}-{theme}-{width}.png"
            await self.page.screenshot(path=picture, full_page=True)
        assert await findings(self.page) == [], name
        if self._looks[-1][1] > 360:
            return
        # A person's own size of text.
        for size in ("200%", ""):
            sticks_out = await self.page.evaluate(f"document.documentElement.style.fontSize = '{size}', {_STICKS_OUT}")
            assert not sticks_out, (name, size)

    async def go(self, path: str) -> None:
        """Ask for a page of ours."""
        await self.page.goto(f"{self.person.app.gateway}{path}")

    async def press(self, answer: str = "") -> None:
        """Press the button of an answer, or the first one."""
        await self.page.locator(f'button[value="{answer}"]' if answer else "button.primary").click()

    async def send(self, address: str) -> str:
        """Have a code sent from the page of a number or an address."""
        await self.page.locator("#address").fill(address)
        await self.press()
        return await self.person.code_for(address)

    async def enter(self, code: str) -> None:
        """Enter a code."""
        await self.page.locator("#code").fill(code)
        await self.press()


def _looks(language: str, *looks: tuple[str, int]) -> Any:
    return pytest.param(language, looks, id=language)


@needs_axe
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("language", "looks"), [_looks("en", ("dark", 360)), _looks("zh-CN", ("light", 1280))])
async def test_every_page(
    new_person: NewPerson, operator: Operator, app: App, language: str, looks: Sequence[tuple[str, int]]
) -> None:
    await see_every_page(await new_person(locale=language, java_script_enabled=True), operator, app, language, looks)


@needs_axe
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_every_page_in_every_look(new_person: NewPerson, operator: Operator, app: App, language: str) -> None:
    person = await new_person(locale=language, java_script_enabled=True)
    looks = [(theme, width) for theme in ("light", "dark") for width in (1280, 360)]
    await see_every_page(person, operator, app, language, looks)


async def long_app(operator: Operator, app: App) -> str:
    """Another app, of which there is much to say; answers its id."""
    request = admin_pb2.CreateAppRequest(
        name="Paper, Ink, Quills & Envelopes of All Sizes and Weights 笔墨纸砚",
        type=admin_pb2.APP_TYPE_WEB_SERVER,
        logo=LOGO,
        redirect_uris=[app.redirect_uri],
        scopes=["openid", "FILE.ALL", "x" * 60],
    )
    client_id = (await operator.apps.CreateApp(request)).client_id
    await operator.apps.AllowApp(admin_pb2.AllowAppRequest(client_id=client_id))
    return client_id


async def see_every_page(
    person: Person, operator: Operator, app: App, language: str, looks: Sequence[tuple[str, int]]
) -> None:
    """Walk through all of them, in a browser in which axe may run: it is a script."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await person.context.route(re.compile(r"https://pictures\.example\.com/.*"), _logo)
    tour, number = Tour(person, language, looks), new_number()
    page = settings_pb2.LogonPage(display_name="Paper Mill 纸坊", logo_url=LOGO, accent_color="#00695c")
    directory = user_system_pb2.LdapSettings(url="ldaps://directory.example.com", base_dn="dc=example,dc=com")
    asked = {"scope": "openid", "device_name": "Living room"}
    device, other = [(await app.ask("/v2/oauth/device/code", **asked)).json() for _ in range(2)]
    async with (
        operator.setting(first_logon=settings_pb2.FIRST_LOGON_LINK_OR_CREATE, page=page),
        operator.system(display_name="", ldap=directory),
    ):
        await person.begin()
        await tour.stop("choose")
        base = person.page.url
        await person.page.locator("ul.ways a").nth(2).click()
        await tour.stop("password")
        await person.page.goto(base)
        await person.page.locator("ul.ways a").nth(1).click()
        await tour.stop("email")
        await person.page.goto(base)
        await person.page.locator("ul.ways a").nth(0).click()
        await tour.stop("number")
        await person.page.locator("#address").fill("123")
        await tour.press()
        await tour.stop("number-wrong")
        code = await tour.send(number)
        await tour.stop("code")
        await tour.enter("12")
        await tour.stop("code-wrong")
        await tour.enter(code)
        await tour.stop("new")
        await tour.press("link")
        await tour.stop("new-link")
        await person.page.go_back()
        await tour.press("create")
        await tour.stop("consent")
        await tour.press("deny")
        await person.back()
        await tour.go("/logon/device")
        await tour.stop("device")
        await tour.go("/logon/device?user_code=BBBB-BBBB")
        await tour.stop("device-wrong")
        await tour.go(f"/logon/device?user_code={other['user_code']}")
        await tour.press("deny")
        await tour.stop("device-denied")
        await tour.go(f"/logon/device?user_code={device['user_code']}")
        await tour.stop("device-consent")
        await tour.press("allow")
        await tour.stop("device-done")
        # An app that is signed in.
        await app.ask("/v2/oauth/token", grant_type=DEVICE_CODE, device_code=device["device_code"])
        await tour.go(f"/logon/account?client_id={app.client_id}")
        await tour.stop("account")
        await person.page.locator('form[action$="/link"] button').click()
        await tour.stop("account-add")
        await person.page.locator("ul.ways a").nth(1).click()
        await tour.stop("account-add-email")
        await tour.enter(await tour.send(f"a.rather.long.name.{number}@mail.example.com"))
        await person.page.locator("summary").first.click()
        await tour.stop("account-remove")
        await person.begin(login_type="ldap", prompt="login")
        base = person.page.url.rpartition("/")[0]
    page = settings_pb2.LogonPage(
        display_name="The Old Paper Mill and Printing House of Hangzhou", logo_url=WIDE, accent_color="#101010"
    )
    async with operator.setting(first_logon=settings_pb2.FIRST_LOGON_LINK, page=page):
        await person.page.goto(base)
        await tour.stop("no-method")
        await person.begin(client_id=await long_app(operator, app), scope="all")
        await tour.stop("consent-long")
        await person.begin(prompt="login")
        await person.page.locator("ul.ways a").nth(0).click()
        await tour.enter(await tour.send(new_number()))
        await tour.stop("new-link-only")
    await tour.go(f"/logon/account?client_id={app.client_id}")
    await person.page.locator('form[action$="/sign_out"] button').first.click()
    await tour.stop("signed-out")
    # It is shown on the same machine alone, and this browser says that it is on another.
    await person.context.set_extra_http_headers({})
    await tour.go("/logon/inbox")
    await expect(person.page.get_by_role("main")).to_contain_text(number)
    await tour.stop("inbox")
    await tour.go("/v2/oauth/authorize?client_id=nobody")
    await tour.stop("error")


async def test_a_domain_has_its_name_its_logo_and_its_colour(person: Person, operator: Operator) -> None:
    await person.context.route(LOGO, _logo)
    page = settings_pb2.LogonPage(display_name="Paper Mill", logo_url=LOGO, accent_color="#00695c")
    async with operator.setting(page=page):
        await person.begin(login_type="email")
        assert "Paper Mill" in await person.page.get_by_role("banner").inner_text()
        assert await person.page.locator("img").evaluate("image => image.naturalWidth") > 0
        button = person.page.get_by_role("button", name="Send code")
        assert await button.evaluate("button => getComputedStyle(button).backgroundColor") == "rgb(0, 105, 92)"
    async with operator.setting(page=settings_pb2.LogonPage(logo_url=WIDE)):
        # One that is not there leaves no trace.
        await person.context.route(WIDE, lambda route: route.abort())
        await person.page.emulate_media(color_scheme="dark")
        await person.page.reload()
        assert await person.page.locator("img.logo").evaluate("image => image.getBoundingClientRect().width") == 0
    await person.page.reload()
    assert await person.page.locator("img").count() == 0
    assert await button.evaluate("button => getComputedStyle(button).backgroundColor") != "rgb(0, 105, 92)"
