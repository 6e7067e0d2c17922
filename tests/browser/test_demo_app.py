"""What README's step "log on" has a person do, without any setting: a link, a number, a code, a token."""

from deploy.local.stack import Stack
from tests.browser.person import Person, new_number


async def test_the_demo_app_shows_who_is_logged_on(person: Person, stack: Stack) -> None:
    await person.page.goto(stack.layout.app_url)
    await person.follow("Log on")
    await person.prove(new_number())
    await person.press("Allow")
    await person.reads("You are logged on.", f'"aud": "{stack.demo.client_id}"', '"access_token": "eyJ')
    await person.page.reload()
    await person.reads("This is not the answer to a logon")


async def test_the_demo_app_says_so_where_nobody_was_let_in(person: Person, stack: Stack) -> None:
    await person.page.goto(stack.layout.app_url)
    await person.follow("Log on")
    await person.prove(new_number())
    await person.press("Do not allow")
    await person.reads("the user does not allow it")


async def test_the_demo_app_may_be_opened_under_another_name_of_this_machine(person: Person, stack: Stack) -> None:
    await person.page.goto(stack.layout.app_url.replace("127.0.0.1", "localhost"))
    await person.follow("Log on")
    await person.prove(new_number())
    await person.press("Allow")
    await person.reads("You are logged on.")
