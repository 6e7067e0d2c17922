"""Numbers and codes as keyboards, address books and people write them; and how pages show them."""

import pytest

from services.account.model import compact, normalise, shown
from services.account.pages.languages import LANGUAGES
from tests.account.pages.browsers import Browser
from tests.account.pages.sitting import Sitting


def wide(text: str) -> str:
    """Digits and signs of full width."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("139 {} {}", wide("86")),
        ("139-{}-{}", "0086"),
        (wide("139") + "{}{}", " +86 "),
        ("139\xa0{}\u3000{}", wide("+86")),
        ("\u202d+86 139 {} {}\u202c", "86"),
    ],
)
async def test_a_number_is_taken_as_it_is_typed_and_shown_as_it_is_read(
    sitting: Sitting, browser: Browser, mobile: str, number: str, code: str
) -> None:
    form = await sitting.begin(browser, login_type="mobile")
    typed = number.format(mobile[3:7], mobile[7:])
    page = await browser.fill(form, address=typed, country_code=code)
    assert f"+86 139 {mobile[3:7]} {mobile[7:]}" in page.text
    page = await browser.fill(page, code=sitting.inbox.code(f"+86{mobile}"))
    assert f"+86 139 {mobile[3:7]} {mobile[7:]}" in page.text


@pytest.mark.parametrize(("number", "code"), [("010 12345678", "86"), ("020 7946 0018", "0044"), ("123", "86")])
async def test_no_code_is_sent_to_a_number_that_gets_none(
    sitting: Sitting, browser: Browser, number: str, code: str
) -> None:
    form = await sitting.begin(browser, login_type="mobile")
    page = await browser.post(form.target, {"csrf": form.csrf, "address": number, "country_code": code})
    assert (page.status, page.problem) == (400, LANGUAGES["en"].say("error.number"))


def test_what_stands_between_is_nothing() -> None:
    assert compact(wide("123") + "-456\u3000") == compact("123\xa0456\t") == compact("\u200e123\u2013456") == "123456"


def test_only_numbers_are_shown_otherwise_than_they_were_given() -> None:
    assert shown(normalise("mobile", "2025550123", "1")) == "+1 202-555-0123"
    assert shown(normalise("email", "Ann@example.com")) == "Ann@example.com"
