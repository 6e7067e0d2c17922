"""What a browser keeps: for TLS and this host alone, but on this machine, where there is no TLS."""

from pathlib import Path

from deploy.certificates import issue, make_authority
from deploy.local.stack import Stack
from gateway.config import GatewaySettings
from services.runtime.env import Address
from tests.browser.app import App
from tests.browser.conftest import NewPerson
from tests.browser.person import Person, new_number
from tests.support.gateways import running_gateway
from tests.support.ports import free_ports


async def kept(person: Person) -> dict[str, tuple[bool, bool, str, str]]:
    cookies = await person.context.cookies()
    return {
        str(each["name"]): (each["secure"], each["httpOnly"], each["sameSite"], each["path"])
        for each in cookies
        if str(each["name"]).removeprefix("__Host-").startswith("tessera-")
    }


async def log_on(person: Person) -> dict[str, tuple[bool, bool, str, str]]:
    """What the browser keeps on the way and at its end."""
    await person.begin()
    await person.follow("简体中文")
    await person.follow("English")
    on_the_way = await kept(person)
    await person.prove(new_number())
    await person.press("Allow")
    return on_the_way | await kept(person)


async def test_on_loopback_they_go_without_tls(person: Person) -> None:
    cookies = await log_on(person)
    assert {name.split("-")[1] for name in cookies} == {"logon", "session", "known", "language"}
    assert set(cookies.values()) == {(False, True, "Lax", "/")}


async def test_by_tls_they_are_for_tls_and_this_host_alone(
    new_person: NewPerson, stack: Stack, app: App, tmp_path: Path
) -> None:
    certificate = issue(make_authority(), "localhost")
    (tmp_path / "tls.crt").write_text(certificate.certificate, encoding="ascii")
    (tmp_path / "tls.key").write_text(certificate.key, encoding="ascii")
    settings = GatewaySettings(
        gateway_listen=Address("127.0.0.1", free_ports(1)[0]),
        gateway_tls=tmp_path,
        gateway_client_id=stack.home.identity("gateway_client_id").read_text(encoding="ascii").strip(),
        gateway_client_secret=stack.home.identity("gateway_client_secret").read_text(encoding="ascii").strip(),
        gateway_access_log=tmp_path / "access.log",
        **{f"{service}_address": stack.layout.peers(service) for service in ("token", "account", "binding")},
    )
    with running_gateway(tmp_path, settings) as address:
        tls = App(f"https://{address}", app.redirect_uri)
        tls.client_id, tls.client_secret = app.client_id, app.client_secret
        person = await new_person(ignore_https_errors=True)
        person.app = tls
        cookies = await log_on(person)
    assert {name.split("-")[2] for name in cookies if name.startswith("__Host-")} == {"logon", "session", "known"}
    assert set(cookies.values()) == {(True, True, "Lax", "/")}
