"""People log on, each in a browser without scripts, through the gateway."""

import asyncio

import pytest
from playwright.async_api import expect
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2

from tests.browser.app import DEVICE_CODE, App
from tests.browser.conftest import NewPerson
from tests.browser.operator import Operator
from tests.browser.person import Person, new_number, shown


async def test_by_mobile_number_from_an_apps_redirect_to_its_token(person: Person, app: App) -> None:
    await person.begin()
    await person.reads("Paper & Ink")
    await person.prove(number := new_number())
    await person.sees("Paper & Ink wants access to your account")
    await person.press("Allow")

    told = app.told(await person.back())
    token = await app.token(await person.back())
    claims = await app.claims(token)
    assert claims["iss"] == told["iss"]
    assert claims["nonce"] == "n-1"
    assert claims["sub"] == token["user_id"]
    assert token["is_first_login"]
    again = await app.ask(
        "/v2/oauth/token", grant_type="authorization_code", code=told["code"], redirect_uri=app.redirect_uri
    )
    assert again.json()["error"] == "invalid_grant"
    await person.look_at_account()
    await person.reads(shown(number))


async def test_by_email_address(new_person: NewPerson) -> None:
    address = f"ann.{new_number()}@example.com"
    first = await (await new_person()).log_on(address)
    second = await (await new_person()).log_on_again(address)
    assert first["user_id"] == second["user_id"]
    assert (first["is_first_login"], second["is_first_login"]) == (True, False)


async def test_who_refuses_goes_back_to_the_app_without_a_code(person: Person, app: App) -> None:
    await person.begin()
    await person.prove(new_number())
    await person.press("Do not allow")
    told = app.told(await person.back())
    assert told["error"] == "access_denied"
    assert "code" not in told


async def test_an_app_may_send_on_to_another_host_and_have_a_scheme_of_its_own(person: Person, app: App) -> None:
    """Browsers hold a form to its page's policy over all redirects, also over those of the app's."""
    await person.begin(redirect_uri=app.moved_uri)
    await person.prove(new_number())
    await person.press("Allow")
    await person.page.wait_for_url(app.home)
    await person.begin(redirect_uri=app.own_uri, prompt="consent")
    await person.press("Allow")
    # A browser that does not open the app by itself.
    link = person.page.get_by_role("link", name="Back to Paper & Ink")
    assert (await link.get_attribute("href") or "").startswith(f"{app.own_uri}?code=")


async def test_who_does_not_want_to_goes_back_to_the_app(person: Person, app: App) -> None:
    await person.begin()
    await person.have_sent(new_number())
    await person.follow("Cancel")
    assert app.told(await person.back())["error"] == "access_denied"


async def test_who_presses_twice_is_logged_on(person: Person, app: App) -> None:
    await person.begin()
    code = await person.have_sent(new_number())
    await person.page.get_by_label("6-digit code").fill(code)
    for _ in range(2):
        await person.page.keyboard.press("Enter")
    await person.press("Allow")
    assert (await app.token(await person.back()))["user_id"]


async def test_a_code_that_was_wrong_five_times_is_good_no_longer(person: Person) -> None:
    await person.begin()
    code = await person.have_sent(number := new_number())
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(4):
        await person.enter(wrong)
        await person.is_told("Wrong code. Check it and try again.")
    await person.enter(wrong)
    await person.enter(code)
    await person.is_told("This code has expired or was already used. Send a new one.")
    await person.follow("Send a new code")
    assert await person.page.get_by_label("Mobile number").input_value() == number


async def test_going_back_in_between_begins_nothing_anew(person: Person, app: App) -> None:
    await person.begin()
    code = await person.have_sent(number := new_number())
    await expect(person.page.get_by_label("6-digit code")).to_be_visible()
    await person.page.go_back()
    await person.sees("Log on to Paper & Ink")
    await person.page.go_forward()
    await person.enter(code)
    await person.sees("Paper & Ink wants access to your account")
    # The page of the code once more, which was used: it leads on.
    await person.page.go_back()
    await person.sees("Paper & Ink wants access to your account")
    await person.press("Allow")
    assert (await app.token(await person.back()))["user_id"]
    await person.look_at_account()
    await person.reads(shown(number))


async def test_going_back_after_the_end_gives_no_second_code(person: Person) -> None:
    await person.log_on(new_number())
    await person.page.go_back()
    if await person.page.get_by_role("button", name="Allow", exact=True).count():
        await person.press("Allow")
    await person.sees("You are already logged on")
    await person.follow("Your account")
    await person.sees("Your account")


async def test_two_tabs_do_not_meet(person: Person, app: App) -> None:
    other = await person.other_tab()
    await person.begin(nonce="first")
    await other.begin(nonce="second")
    codes = await person.have_sent(new_number()), await other.have_sent(new_number())
    await person.enter(codes[1])
    await person.is_told("Wrong code. Check it and try again.")
    await person.enter(codes[0])
    await person.press("Allow")
    first = await app.token(await person.back())
    await other.enter(codes[1])
    await other.press("Allow")
    second = await app.token(await other.back())
    assert (await app.claims(first))["nonce"] == "first"
    assert (await app.claims(second))["nonce"] == "second"
    assert first["user_id"] != second["user_id"]


async def test_a_device_is_let_in_by_its_user(person: Person, app: App) -> None:
    begun = (await app.ask("/v2/oauth/device/code", scope="openid", device_name="Living room")).json()
    waiting = await app.ask("/v2/oauth/token", grant_type=DEVICE_CODE, device_code=begun["device_code"])
    assert waiting.json()["error"] == "authorization_pending"

    await person.page.goto(f"{app.gateway}/logon/device")
    await person.page.get_by_label("Device code").fill("BBBB-BBBB")
    await person.press("Continue")
    await person.prove(new_number())
    await person.is_told("No device is showing this code")
    await person.page.get_by_label("Device code").fill(begun["user_code"].lower())
    await person.press("Continue")
    await person.reads("Living room", begun["user_code"])
    await person.press("Allow")
    await person.reads("Your device is connected")

    await asyncio.sleep(begun["interval"])
    token = (await app.ask("/v2/oauth/token", grant_type=DEVICE_CODE, device_code=begun["device_code"])).json()
    assert token["device_name"] == "Living room"


async def test_who_is_logged_on_is_not_asked_again(person: Person, app: App) -> None:
    first = await person.log_on(new_number())
    await person.begin()
    assert (await app.token(await person.back()))["user_id"] == first["user_id"]
    await person.begin(prompt="none")
    assert (await app.token(await person.back()))["user_id"] == first["user_id"]
    await person.begin(prompt="consent")
    await person.sees("Paper & Ink wants access to your account")
    await person.begin(prompt="login")
    await person.sees("Log on to Paper & Ink")


async def test_nobody_is_logged_on_without_a_page(person: Person, app: App) -> None:
    await person.begin(prompt="none")
    assert app.told(await person.back())["error"] == "login_required"


async def test_somebody_else_logs_on(person: Person, app: App) -> None:
    first = await person.log_on(new_number())
    await person.begin(prompt="consent")
    await person.press("Use another account")
    await person.prove(new_number())
    await person.press("Allow")
    assert (await app.token(await person.back()))["user_id"] != first["user_id"]


async def test_signing_out_of_an_app_of_another_browser_and_of_this_one(new_person: NewPerson, app: App) -> None:
    number = new_number()
    phone, desk = await new_person(), await new_person()
    tokens = [await phone.log_on(number), await desk.log_on_again(number)]
    await desk.look_at_account()
    devices = desk.page.get_by_role("region", name="Where you are logged on")
    browsers = devices.locator("li", has=desk.page.locator('form[action$="/sign_out"]'))
    apps = devices.get_by_role("list", name="Signed-in apps").get_by_role("listitem")
    await expect(browsers).to_have_count(2)
    await expect(apps).to_have_count(2)
    await expect(apps.first).to_contain_text("Paper & Ink Chrome, Linux Since")

    async def go_on() -> list[bool]:
        asked = [{"grant_type": "refresh_token", "refresh_token": token["refresh_token"]} for token in tokens]
        return ["access_token" in (await app.ask("/v2/oauth/token", **each)).json() for each in asked]

    await apps.first.get_by_role("button").click()
    await expect(apps).to_have_count(1)
    assert await go_on() == [True, False]
    await browsers.filter(has_not_text="This browser").get_by_role("button").click()
    await expect(browsers).to_have_count(1)
    await desk.reads("No apps are signed in.")
    assert await go_on() == [False, False]
    await phone.begin()
    await phone.sees("Log on to Paper & Ink")
    await desk.press("Sign out everywhere else")
    await browsers.get_by_role("button").click()
    await desk.sees("You are signed out")
    await desk.look_at_account()
    await desk.sees("Log on")


async def test_a_way_to_log_on_is_added_and_taken_away(new_person: NewPerson) -> None:
    person, number = await new_person(), new_number()
    token = await person.log_on(number)
    address = f"{number}@example.com"
    await person.look_at_account()
    await expect(person.page.get_by_text("Remove", exact=True)).to_have_count(0)
    await person.press("Add a way to log on")
    await person.follow("Back")
    await person.press("Add a way to log on")
    await person.follow("Email address")
    await person.page.get_by_label("Email address").fill(address)
    await person.press("Send code")
    await person.enter(await person.code_for(address))
    await person.sees("Your account")
    await person.reads(address)
    await person.remove(shown(number))
    await expect(person.page.get_by_text(shown(number))).to_have_count(0)
    assert (await (await new_person()).log_on_again(address))["user_id"] == token["user_id"]


async def test_who_is_new_joins_an_account_that_the_same_browser_proves(
    new_person: NewPerson, operator: Operator, app: App
) -> None:
    number, address = new_number(), f"new.{new_number()}@example.com"
    known = await (await new_person()).log_on(number)
    async with operator.setting(first_logon=settings_pb2.FIRST_LOGON_LINK_OR_CREATE):
        person = await new_person()
        await person.begin()
        await person.prove(address)
        await person.sees("Welcome")
        await person.press("Link to an existing account")
        await person.wait_a_minute()
        await person.prove(number)
        assert (await app.token(await person.back()))["user_id"] == known["user_id"]
        assert (await (await new_person()).log_on_again(address))["user_id"] == known["user_id"]


@pytest.mark.parametrize("policy", ["LINK", "REFUSE"])
async def test_who_is_new_is_not_let_in_where_the_domain_has_it_so(
    person: Person, operator: Operator, policy: str
) -> None:
    async with operator.setting(first_logon=settings_pb2.FirstLogon.Value(f"FIRST_LOGON_{policy}")):
        await person.begin()
        await person.prove(new_number())
        if policy == "LINK":
            await person.sees("Welcome")
            await expect(person.page.get_by_role("button", name="Create a new account")).to_have_count(0)
        else:
            await person.is_told("You do not have an account here")


async def test_pages_are_in_the_language_that_was_chosen(person: Person) -> None:
    await person.begin()
    await person.follow("简体中文")
    await person.sees("登录 Paper & Ink")
    assert await person.page.locator("html").get_attribute("lang") == "zh-Hans"
    await person.begin()
    await person.sees("登录 Paper & Ink")
    await person.follow("English")
    await person.sees("Log on to Paper & Ink")


async def test_pages_are_in_the_language_of_the_browser(new_person: NewPerson) -> None:
    person = await new_person(locale="zh-CN")
    await person.begin()
    await person.sees("登录 Paper & Ink")


async def test_a_field_says_what_it_is_for(person: Person) -> None:
    await person.begin(login_type="mobile")
    number = person.page.get_by_label("Mobile number")
    assert await number.get_attribute("autocomplete") == "tel-national"
    await number.fill(new_number())
    await person.press("Send code")
    code = person.page.get_by_label("6-digit code")
    assert await code.get_attribute("autocomplete") == "one-time-code"
    assert await code.get_attribute("inputmode") == "numeric"


async def test_who_goes_by_the_one_way_that_the_app_wants_is_offered_no_other(person: Person) -> None:
    await person.begin(login_type="email", login_hint="ann@example.com")
    assert await person.page.get_by_label("Email address").input_value() == "ann@example.com"
    await expect(person.page.get_by_role("link", name="Try another way")).to_have_count(0)


async def test_keys_alone_do(person: Person, app: App) -> None:
    await person.begin(login_type="mobile")
    await expect(person.page.get_by_label("Mobile number")).to_be_focused()
    await person.page.keyboard.type(number := new_number())
    await person.page.keyboard.press("Enter")
    await expect(person.page.get_by_label("6-digit code")).to_be_focused()
    await person.page.keyboard.type(await person.code_for(number))
    await person.page.keyboard.press("Enter")
    await person.page.get_by_role("button", name="Allow", exact=True).press("Enter")
    await person.page.wait_for_url(f"{app.redirect_uri}?*")
    assert (await app.token(await person.back()))["user_id"]
