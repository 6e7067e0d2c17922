"""Every page, in both languages and themes, narrow and wide: axe finds nothing serious, nothing sticks out."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2
from tessera.account.v1 import user_system_pb2

from tests.browser.app import DEVICE_CODE, App
from tests.browser.conftest import NewPerson
from tests.browser.operator import Operator
from tests.browser.person import Person, new_number

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venv/browser/node_modules/axe-core/axe.min.js"
# Where whoever looks at what CI kept finds them.
PICTURES = ROOT / "gen/screenshots"
LOGO = "https://pictures.example.com/logo.svg"
_LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">
<rect width="40" height="40" rx="9" fill="#00695c"/>
<path d="M12 11h16v5h-5.5v14h-5v-14H12z" fill="#fff"/></svg>"""

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe is not installed: make .venv/.browser")


async def _logo(route: Route) -> None:
    await route.fulfill(content_type="image/svg+xml", body=_LOGO)


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
    """

    def __init__(self, person: Person, language: str) -> None:
        self.person = person
        self.page = person.page
        self._language = language

    async def stop(self, name: str) -> None:
        """Look at a page."""
        for theme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=theme)
            for width in (360, 1280):
                await self.page.set_viewport_size({"width": width, "height": 740})
                picture = PICTURES / f"{name}-{self._language}-{theme}-{width}.png"
                await self.page.screenshot(path=picture, full_page=True)
                sticks_out = await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
                assert not sticks_out, picture
            assert await findings(self.page) == [], (name, theme)

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


@needs_axe
@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", pytest.param("zh-CN", marks=pytest.mark.slow)])
async def test_every_page(new_person: NewPerson, operator: Operator, app: App, language: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # axe is a script.
    person = await new_person(locale=language, java_script_enabled=True)
    await person.context.route(LOGO, _logo)
    tour, number = Tour(person, language), new_number()
    page = settings_pb2.LogonPage(display_name="Paper Mill 纸坊", logo_url=LOGO, accent_color="#00695c")
    directory = user_system_pb2.LdapSettings(url="ldaps://directory.example.com", base_dn="dc=example,dc=com")
    device = (await app.ask("/v2/oauth/device/code", scope="openid", device_name="Living room")).json()
    async with (
        operator.setting(first_logon=settings_pb2.FIRST_LOGON_LINK_OR_CREATE, page=page),
        operator.system(display_name="", ldap=directory) as ldap,
    ):
        await person.begin()
        await tour.stop("choose")
        base = person.page.url
        await tour.go(f"{base.removeprefix(app.gateway)}/{ldap}")
        await tour.stop("password")
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
        await tour.go("/logon/device")
        await tour.stop("device")
        await tour.go("/logon/device?user_code=BBBB-BBBB")
        await tour.stop("device-wrong")
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
        await person.page.go_back()
        await person.page.locator('form[action$="/unlink"] button').first.click()
        await tour.stop("account-last")
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
        button = person.page.get_by_role("button", name="Send a code")
        assert await button.evaluate("button => getComputedStyle(button).backgroundColor") == "rgb(0, 105, 92)"
    await person.page.reload()
    assert await person.page.locator("img").count() == 0
    assert await button.evaluate("button => getComputedStyle(button).backgroundColor") != "rgb(0, 105, 92)"
