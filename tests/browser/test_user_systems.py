"""People log on by user systems that are not ours: an OpenID provider of npm's, and a real directory."""

import pytest
from tessera.account.v1 import user_system_pb2

from tests.browser.app import App
from tests.browser.conftest import NewPerson
from tests.browser.operator import Operator
from tests.browser.person import Person, new_number
from tests.support import slapd
from tests.support.openid_provider import NAME, PASSWORD, needs_provider, running_openid_provider
from tests.support.ports import free_ports

needs_slapd = pytest.mark.skipif(slapd.find() is None, reason="slapd (a system's package) is missing")


async def prove_elsewhere(person: Person) -> None:
    """Fill in the form of the other company."""
    await person.sees("Another company")
    await person.page.get_by_label("Name").fill(NAME)
    await person.page.get_by_label("Password").fill(PASSWORD)
    await person.press("Log on")


@needs_provider
async def test_by_a_provider_of_somebody_elses(new_person: NewPerson, operator: Operator, app: App) -> None:
    (port,) = free_ports(1)
    issuer = f"http://127.0.0.1:{port}"
    custom = user_system_pb2.CustomSettings(issuer=issuer, client_id="tessera", scopes=["profile"])
    system = {"display_name": "Another company", "secret": "between-us", "private_addresses": True, "custom": custom}
    async with operator.system(**system) as system_id:
        back = f"{app.gateway}/logon/back/{system_id}"
        client = {"client_id": "tessera", "client_secret": "between-us", "redirect_uris": [back]}
        async with running_openid_provider([client], port=port):
            person = await new_person()
            await person.begin()
            await person.follow("Another company")
            await person.press("Cancel")
            await person.is_told("You did not finish logging on there. Try again, or choose another way.")
            await person.follow("Another company")
            await prove_elsewhere(person)
            await person.press("Allow")
            token = await app.token(await person.back())
            assert token["nick_name"] == "Ada 王"

            # Whoever is logged on by a number adds it on the page of the account: here it is somebody's.
            other = await new_person()
            await other.log_on(new_number())
            await other.look_at_account()
            await other.press("Add a way to log on")
            await other.follow("Another company")
            await prove_elsewhere(other)
            await other.is_told("It is already linked to another account.")

            await person.look_at_account()
            await person.press("Add a way to log on")
            await person.follow("Mobile number")
            await person.page.get_by_label("Mobile number").fill(number := new_number())
            await person.press("Send code")
            await person.enter(await person.code_for(number))
            await person.remove("Ada 王")
            await other.look_at_account()
            await other.press("Add a way to log on")
            await other.follow("Another company")
            # The other company knows this browser by now.
            await other.sees("Your account")
            await other.reads("Ada 王 (Another company)")


@needs_slapd
async def test_by_a_directory(
    new_person: NewPerson, operator: Operator, app: App, tmp_path_factory: pytest.TempPathFactory
) -> None:
    people = [slapd.person("ann", userPassword="right", cn=["ann", "Ann Lee"])]
    async with slapd.running_slapd(tmp_path_factory.mktemp("slapd"), people, name="localhost") as directory:
        ldap = user_system_pb2.LdapSettings(
            url=f"ldaps://localhost:{directory.ldaps}",
            base_dn=slapd.PEOPLE,
            bind_dn=slapd.SEARCHER,
            name_attribute="cn",
            ca_pem=directory.authority.certificate,
        )
        async with operator.system(secret=slapd.SEARCHER_PASSWORD, private_addresses=True, ldap=ldap):
            person = await new_person()
            await person.begin(login_type="ldap")
            await person.page.get_by_label("Name").fill("ann")
            await person.page.get_by_label("Password").fill("wrong")
            await person.press("Log on")
            await person.is_told("Wrong user name or password.")
            assert await person.page.get_by_label("Name").input_value() == "ann"
            assert await person.page.get_by_label("Password").input_value() == ""
            await person.page.get_by_label("Password").fill("right")
            await person.press("Log on")
            await person.press("Allow")
            token = await app.token(await person.back())
            assert token["is_first_login"]
