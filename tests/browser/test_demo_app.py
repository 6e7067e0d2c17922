"""What README's step "log on" has a person do, without any setting: a link, a number, a code, a token."""

from deploy.local.stack import Stack
from tests.browser.person import Person, new_number


async def test_the_demo_app_shows_who_is_logged_on(person: Person, stack: Stack) -> None:
    await person.page.goto(stack.layout.app_url)
    await person.follow("Log on")
    await person.prove(new_number())
    await person.press("Allow")
    shown = await person.page.get_by_role("main").inner_text()
    assert "You are logged on." in shown
    assert f'"aud": "{stack.demo.client_id}"' in shown
    assert '"access_token": "eyJ' in shown
    await person.page.reload()
    assert "This is not the answer to a logon" in await person.page.get_by_role("main").inner_text()


async def test_the_demo_app_says_so_where_nobody_was_let_in(person: Person, stack: Stack) -> None:
    await person.page.goto(stack.layout.app_url)
    await person.follow("Log on")
    await person.prove(new_number())
    await person.press("Do not allow")
    assert "the user does not allow it" in await person.page.get_by_role("main").inner_text()
