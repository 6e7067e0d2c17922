"""Every page, in both languages and themes, narrow and wide."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, Page

from tests.support.world import World


def address(world: World, **more: str) -> str:
    asked = {
        "client_id": world.demo["client_id"],
        "redirect_uri": world.demo["redirect_uri"],
        "response_type": "code",
        "state": "s",
    }
    return f"{world.gateway}/v2/oauth/authorize?{urlencode(asked | more)}"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_pages(chromium: Browser, world: World, tmp_path: Path, language: str, theme: str, width: int) -> None:
    context = await chromium.new_context(
        locale=language, color_scheme=theme, viewport={"width": width, "height": 800}, java_script_enabled=False
    )
    page = await context.new_page()
    folder = Path("/tmp/shots")
    folder.mkdir(exist_ok=True)

    async def shot(name: str) -> None:
        await page.screenshot(path=folder / f"{name}-{language}-{theme}-{width}.png", full_page=True)

    await page.goto(address(world))
    await shot("methods")
    await page.locator("a.button").first.click()
    await shot("address")
    await page.fill("#address", "123")
    await page.locator("button.primary").click()
    await shot("address-error")
    number = f"1390{abs(hash((language, theme, width))) % 10**7:07d}"
    await page.fill("#address", number)
    await page.locator("button.primary").click()
    await shot("code")
    inbox = await context.new_page()
    await inbox.goto(f"{world.gateway}/logon/inbox")
    text = await inbox.content()
    await inbox.screenshot(path=folder / f"inbox-{language}-{theme}-{width}.png")
    code = re.search(rf"{number}.*?([0-9]{{6}})", text, re.S)
    print(text)
