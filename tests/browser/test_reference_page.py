"""The reference page at /docs, as a browser draws it."""

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.support.world import World

_PHONE: ViewportSize = {"width": 390, "height": 800}


async def opened(page: Page, world: World) -> None:
    await page.goto(f"{world.gateway}/docs")
    await expect(page.get_by_role("heading", name="Open accounts")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_it_has_the_colours_of_the_reader_s_system(
    chromium: Browser, world: World, scheme: Literal["dark", "light"]
) -> None:
    async with await chromium.new_page(color_scheme=scheme) as page:
        await opened(page, world)
        await expect(page.locator("html")).to_have_class("dark-mode" if scheme == "dark" else "")


async def test_on_a_phone_nothing_is_squeezed_and_nothing_sticks_out(chromium: Browser, world: World) -> None:
    async with await chromium.new_page(viewport=_PHONE) as page:
        await opened(page, world)
        told = await page.locator("#operations-tag-Open_accounts small").bounding_box()
        assert told
        assert told["width"] > _PHONE["width"] / 2
        for call in await page.locator(".opblock-summary-control").all():
            await call.click()
        field = await page.locator(".parameters-col_description").first.bounding_box()
        assert field
        assert field["width"] > _PHONE["width"] / 2
        assert await page.evaluate("document.documentElement.scrollWidth") == _PHONE["width"]
