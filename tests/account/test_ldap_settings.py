"""What is wrong with a directory's settings is said in words that whoever set it up can act on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tessera.account.v1 import user_system_service_pb2 as systems_pb2

from services.account.connectors.ldap import Ldap
from services.account.model.user_systems import UserSystem
from services.account.providers.names import Names
from services.runtime.errors import Unavailable
from tests.account.callers import Domain
from tests.account.operators import UserSystemsOperator
from tests.account.running import Account
from tests.support import slapd
from tests.support.ports import free_ports
from tests.support.slapd import HOST, PEOPLE, SEARCHER, SEARCHER_PASSWORD, SUFFIX, Slapd, look_up, person, running_slapd

pytestmark = pytest.mark.skipif(slapd.find() is None, reason="slapd (a system's package) is missing")


@pytest_asyncio.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Slapd]:
    people = [person("ann", userPassword="right", mail=["a@example.com", "b@example.com"])]
    async with running_slapd(tmp_path_factory.mktemp("ldap") / "shared", people) as running:
        yield running


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names(look_up)
    yield made
    made.close()


@pytest_asyncio.fixture
async def ldap(names: Names) -> AsyncIterator[Ldap]:
    made = Ldap(names)
    yield made
    await made.close()


async def problem(ldap: Ldap, system: UserSystem) -> str:
    """The one problem; nobody can log on either."""
    with pytest.raises(Unavailable):
        await ldap.prove(system, "ann", "right")
    [sentence] = await ldap.test(system)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert system.secret not in sentence
    return sentence


@pytest.mark.parametrize("ldaps", [True, False], ids=["ldaps", "starttls"])
async def test_nothing_is_wrong(ldap: Ldap, directory: Slapd, ldaps: bool) -> None:
    assert await ldap.test(directory.system(ldaps=ldaps)) == []
    for filter_ in ("(cn={name})", "(cn={name}*)", "(|(uid={name})(mail={name}@example.com))", "(uid~={name})"):
        assert await ldap.test(directory.system(ldaps=ldaps, filter=filter_)) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"url": "http://example.com"}, "The URL is neither ldaps://host[:port] nor ldap://host[:port]."),
        ({"url": "ldaps://"}, "The URL is neither"),
        ({"url": "ldaps://user:password@example.com"}, "The URL is neither"),
        ({"url": "ldaps://example.com/dc=example"}, "The URL is neither"),
        ({"url": "ldaps://example.com:x"}, "The URL is neither"),
        ({"url": "ldaps://nowhere.example.com"}, "The name nowhere.example.com does not resolve."),
        ({"ca_pem": "-----BEGIN"}, "(ca_pem) are none."),
        ({"bind_dn": ""}, "There is to be a bind DN with its password, or neither."),
        ({"bind_dn": f"cn=nobody,{SUFFIX}"}, f"The directory refuses cn=nobody,{SUFFIX}, who is to search, or its"),
        ({"bind_dn": "searcher"}, "The directory refuses searcher, who is to search"),
        ({"base_dn": f"ou=nobody,{SUFFIX}"}, f"The base DN ou=nobody,{SUFFIX} is not there, or may not be searched"),
        ({"base_dn": "people"}, "The base DN people is no DN."),
        ({"filter": "(uid=ann)"}, "The filter has no {name} in it"),
        ({"filter": "({name}=ann)"}, "In the filter, {name} stands where no value does."),
        ({"filter": "(&(objectClass=person){name})"}, "In the filter, {name} stands where no value does."),
        ({"filter": "uid={name}"}, "The filter cannot be read"),
        ({"filter": "(uid={name}"}, "The filter cannot be read"),
        ({"filter": "(&(uid={name})(cn=x)))("}, "The filter cannot be read"),
        ({"identity_attribute": "*"}, "The identity attribute is no name of an attribute."),
        ({"name_attribute": "cn,sn"}, "The name attribute is no name of an attribute."),
    ],
)
async def test_settings_that_let_nobody_in(
    ldap: Ldap, directory: Slapd, changed: dict[str, str], sentence: str
) -> None:
    assert sentence in await problem(ldap, directory.system(**changed))


async def test_a_wrong_password_of_who_searches(ldap: Ldap, directory: Slapd) -> None:
    system = directory.system(secret="wrong password")
    assert f"The directory refuses {SEARCHER}, who is to search, or its password." == await problem(ldap, system)


async def test_all_that_is_wrong_before_anybody_is_asked(ldap: Ldap, directory: Slapd) -> None:
    system = directory.system(url="", filter="", bind_dn="", identity_attribute="")
    assert len(await ldap.test(system)) == 4


async def test_what_only_an_entry_shows(ldap: Ldap, directory: Slapd) -> None:
    [sentence] = await ldap.test(directory.system(filter="(employeeNumber={name})"))
    assert sentence == (
        f"Nobody below {PEOPLE} matches the filter, whatever the name: (employeeNumber=*) finds no entry."
    )
    [sentence] = await ldap.test(
        directory.system(filter="(&(uid={name})(cn=ann))", identity_attribute="employeeNumber")
    )
    assert sentence == f"The entry cn=ann,{PEOPLE} has 0 values of employeeNumber, and is to have one."
    [sentence] = await ldap.test(directory.system(identity_attribute="mail"))
    assert "has 2 values of mail" in sentence


async def test_where_nobody_listens(ldap: Ldap, directory: Slapd) -> None:
    port = free_ports(1)[0]
    sentence = await problem(ldap, directory.system(url=f"ldaps://{HOST}:{port}"))
    assert sentence == f"Nothing listens at {HOST}:{port} (127.0.0.1): the connection was refused."


async def test_where_nobody_speaks_tls(ldap: Ldap, directory: Slapd) -> None:
    sentence = await problem(ldap, directory.system(url=f"ldaps://{HOST}:{directory.ldap}"))
    assert f"What listens at {HOST}:{directory.ldap} (127.0.0.1) does not speak TLS as we do." == sentence


async def test_where_starttls_is_not_offered(ldap: Ldap, tmp_path: Path) -> None:
    async with running_slapd(tmp_path / "plain", [person("ann", userPassword="right")], tls=False) as plain:
        sentence = await problem(ldap, plain.system(ldaps=False))
        assert sentence == f"The directory at {HOST}:{plain.ldap} (127.0.0.1) does not offer StartTLS."


async def test_a_certificate_that_is_not_believed(ldap: Ldap, directory: Slapd) -> None:
    sentence = await problem(ldap, directory.system(ca_pem=""))
    where = f"{HOST}:{directory.ldaps} (127.0.0.1)"
    assert sentence.startswith(f"The certificate of {where} is not believed: ")
    sentence = await problem(ldap, directory.system(url=f"ldaps://127.0.0.1:{directory.ldaps}"))
    assert "IP address mismatch" in sentence


async def test_an_address_that_is_not_public(ldap: Ldap, directory: Slapd) -> None:
    for host in (HOST, "nowhere.example.com"):
        system = replace(directory.system(url=f"ldaps://{host}:{directory.ldaps}"), private_addresses=False)
        # Who may not reach it does not learn either whether our name servers know it.
        assert await problem(ldap, system) == f"The host {host} has no public address."


async def test_tests_of_a_domain_take_turns_and_have_an_end(ldap: Ldap, tmp_path: Path) -> None:
    async with running_slapd(tmp_path / "own", [person("ann", userPassword="right")]) as own:
        own.hold()
        answers = await asyncio.gather(*(ldap.test(own.system()) for _ in range(5)))
        assert all(len(sentences) == 1 for sentences in answers)
        own.go_on()
        assert await ldap.test(own.system()) == []


async def test_the_services_call_tries_a_directory(alone: Account, domain: Domain, tmp_path: Path) -> None:
    operator = UserSystemsOperator(alone, domain)

    async def problems() -> list[str]:
        request = systems_pb2.TestUserSystemRequest(user_system_id=made.user_system_id)
        return list((await operator.stub.TestUserSystem(request, metadata=operator.caller)).problems)

    people = [person("ann", userPassword="right")]
    async with running_slapd(tmp_path / "own", people, name="localhost") as own:
        settings = {
            "url": f"ldaps://localhost:{own.ldaps}",
            "base_dn": PEOPLE,
            "bind_dn": SEARCHER,
            "ca_pem": own.authority.certificate,
        }
        made = await operator.create("ldap", ldap=settings, secret=SEARCHER_PASSWORD, private_addresses=True)
        assert await problems() == []
        own.kill()
        [sentence] = await problems()
        assert sentence.startswith(f"Nothing listens at localhost:{own.ldaps} (")
