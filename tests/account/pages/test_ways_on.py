"""Nobody is stuck: one may go back to the app, is told where a logon has ended, and pages of errors lead on."""

import re
from html import unescape

from services.account.model.domain_settings import FirstLogon, LogonPage
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting
from tests.account.with_token import unused_mobile
from tests.support.token_client import REDIRECT_URI

CANCELLED = {"error": "access_denied", "error_description": "the user does not allow it", "state": "the state"}


def ways_on(page: Page) -> list[str]:
    """Where the links lead that stand below a page's own."""
    return [unescape(each) for each in re.findall(r'class="ways-on"><a[^>]* href="([^"]*)"', page.text)]


async def test_every_page_before_consent_leads_back_to_the_app(own_sitting: Sitting) -> None:
    sitting, browser, mobile = own_sitting, own_sitting.browser(), unused_mobile()
    await sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    page = await sitting.begin(browser)
    pages = [page, *[await browser.get(f"{page.target}/{sitting.ways[way]}") for way in ("mobile", "ldap")]]
    pages += [await sitting.send_code(browser, page, mobile)]
    pages += [new := await browser.fill(pages[-1], code=sitting.inbox.code(f"+86{mobile}"))]
    assert new.path.endswith("/new")
    cancel = f"{page.target}/cancel"
    assert all(cancel in ways_on(each) for each in pages)
    answer = await browser.get(cancel)
    assert (answer.status, answer.header("location").split("?")[0]) == (303, REDIRECT_URI)
    assert answer.answer.items() > CANCELLED.items()
    # It is over, and tells nobody twice.
    assert ((again := await browser.get(cancel)).status, again.location) == (400, "")


async def test_what_no_app_began_leads_back_to_none(sitting: Sitting, browser: Browser) -> None:
    page = await browser.follow(await browser.get(target("/logon/account", domain_id=sitting.domain_id)))
    assert (page.status, ways_on(page)) == (200, [])
    assert ((answer := await browser.get(f"{page.target}/cancel")).status, answer.location) == (400, "")
    assert (await browser.get(target("/logon/account", domain_id="nobody"))).status == 404


async def test_who_goes_back_to_a_logon_that_ended_is_told_so(sitting: Sitting, browser: Browser, mobile: str) -> None:
    page = await sitting.begin(browser)
    form = await browser.get(f"{page.target}/{sitting.ways['mobile']}")
    consent = await sitting.prove(browser, page, mobile)
    form_of = {"csrf": consent.csrf, "answer": "allow"}
    assert "code" in (await browser.post(consent.target, form_of)).answer
    backs = [await browser.get(path) for path in (page.target, form.target, consent.target, f"{page.target}/code")]
    backs += [await browser.post(consent.target, form_of), await browser.get(f"{page.target}/cancel")]
    done = [await browser.follow(each) for each in backs]
    assert {(each.status, each.target, each.answer.get("code")) for each in done} == {
        (200, f"{page.target}/done", None)
    }
    assert "You are already logged on" in done[0].text
    assert ways_on(done[0]) == [account := f"/logon/account/{sitting.domain_id}"]
    assert (await browser.get(account)).status == 200


async def test_a_page_that_a_form_led_to_is_there_in_another_language(sitting: Sitting, browser: Browser) -> None:
    app = await sitting.token.native_app(device_flow=True)
    begun = await sitting.token.device(app)
    await sitting.log_on(browser, unused_mobile())
    device = target("/logon/device", user_code=begun.user_code, domain_id=sitting.domain_id)
    page = await browser.follow(await browser.get(device))
    done = await browser.fill(page, answer="allow")
    account = await browser.get(f"/logon/account/{sitting.domain_id}")
    session = next(name for name in re.findall(r'name="session" value="([^"]+)"', account.text))
    out = await browser.follow(
        await browser.post(f"{account.target}/sign_out", {"csrf": account.csrf, "session": session})
    )
    for each, said in ((done, "设备已连接"), (out, "您已退出登录")):
        spoken = await browser.follow(await browser.get(target("/logon/language/zh", back=each.target)))
        assert (spoken.status, said in spoken.text) == (200, True), spoken.text


async def test_pages_of_errors_look_like_their_domain_and_lead_on(own_sitting: Sitting) -> None:
    sitting, browser = own_sitting, own_sitting.browser()
    await sitting.set(first_logon=FirstLogon.REFUSE, page=LogonPage("Paper Mill", "", "#00695c"))
    page = await sitting.begin(browser)
    refused = await sitting.prove(browser, page, unused_mobile())
    assert (refused.status, ways_on(refused)) == (403, [page.target])
    nobody = await browser.get(f"/logon/account/{sitting.domain_id}")
    assert (nobody.status, ways_on(nobody)) == (403, [target("/logon/account", domain_id=sitting.domain_id)])
    assert (await browser.follow(await browser.get(ways_on(nobody)[0]))).status == 200
    wrong = await browser.post(f"{page.target}/code", {"csrf": "x"})
    assert (wrong.status, ways_on(wrong)) == (403, [page.target])
    assert all("Paper Mill" in each.text for each in (refused, nobody, wrong))
    # What a user system said stands in no address.
    back = await browser.get(target(f"/logon/back/{sitting.ways['one']}", state="s3cr3t", code="c0d3"))
    assert (back.status, "s3cr3t" in back.text) == (400, False)
