"""Which redirect URIs are an app's: RFC 9700 section 2.1, RFC 8252 sections 7.3 and 8.3; and the tricks that are known.

Sources of the tricks: RFC 9700 section 4.1; the redirect CVEs of Keycloak and others, which all let something be
decoded, normalised or left out before the comparison.
"""

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.token.model import AppType, code_challenge, is_registered
from tests.support.calls import refused
from tests.support.token import Running

WEB = "https://app.example.com/callback"
LOOPBACK, LOOPBACK_6 = "http://127.0.0.1/callback", "http://[::1]/callback"

# What is not https://app.example.com/callback, however it looks.
TRICKS = {
    "empty": "",
    "another host": "https://evil.example.com/callback",
    "another scheme": "http://app.example.com/callback",
    "scheme in capitals": "HTTPS://app.example.com/callback",
    "host in capitals": "https://APP.example.com/callback",
    "trailing dot of the host": "https://app.example.com./callback",
    "default port": "https://app.example.com:443/callback",
    "empty port": "https://app.example.com:/callback",
    "another port": "https://app.example.com:8443/callback",
    "userinfo": "https://app.example.com@evil.example.com/callback",
    "userinfo of ours": "https://user@app.example.com/callback",
    "userinfo with a port": "https://app.example.com:443@evil.example.com/callback",
    "backslash before the host": "https://evil.example.com\\@app.example.com/callback",
    "backslash for a slash": "https://app.example.com\\callback",
    "encoded slash": "https://app.example.com/%63allback",
    "encoded dot in the host": "https://app%2eexample.com/callback",
    "path traversal": "https://app.example.com/callback/../evil",
    "encoded traversal": "https://app.example.com/callback/%2e%2e/evil",
    "dot segment": "https://app.example.com/./callback",
    "path below": "https://app.example.com/callback/evil",
    "longer path": "https://app.example.com/callback2",
    "slash at the end": "https://app.example.com/callback/",
    "path in capitals": "https://app.example.com/Callback",
    "double slash": "https://app.example.com//callback",
    "query added": "https://app.example.com/callback?next=https://evil.example.com",
    "empty query": "https://app.example.com/callback?",
    "fragment": "https://app.example.com/callback#evil",
    "path parameter": "https://app.example.com/callback;evil",
    "blank in front": " https://app.example.com/callback",
    "line end behind": "https://app.example.com/callback\n",
    "tab within": "https://app.exa\tmple.com/callback",
    "null byte": "https://app.example.com/callback\0",
    "look-alike letter": "https://\u0430pp.example.com/callback",
    "full-width dot": "https://app。example.com/callback",
    "subdomain in front": "https://evil.app.example.com/callback",
    "host that begins so": "https://app.example.com.evil.com/callback",
    "no scheme": "//app.example.com/callback",
    "javascript": "javascript:alert(1)//https://app.example.com/callback",
    "two of them": "https://app.example.com/callback,https://evil.example.com",
}

# What no host of a redirect URI is: browsers' policies, in which it stands, read it otherwise.
NO_HOSTS = (
    "*",
    "*.a.com",
    "a.com;script-src%20*",
    "a.com,b.com",
    "a.com'",
    "'self'",
    "a_b.com",
    "-a.com",
    "a..com",
    "a.com.",
)

# What is not a loopback address with /callback, however it looks.
LOOPBACK_TRICKS = {
    "localhost": "http://localhost:8080/callback",
    "another loopback address": "http://127.0.0.2:8080/callback",
    "short address": "http://127.1:8080/callback",
    "decimal address": "http://2130706433:8080/callback",
    "hexadecimal address": "http://0x7f.0.0.1:8080/callback",
    "octal address": "http://0177.0.0.1:8080/callback",
    "all addresses": "http://0.0.0.0:8080/callback",
    "long form of version 6": "http://[0:0:0:0:0:0:0:1]:8080/callback",
    "version 4 in version 6": "http://[::ffff:127.0.0.1]:8080/callback",
    "https": "https://127.0.0.1:8080/callback",
    "scheme in capitals": "HTTP://127.0.0.1:8080/callback",
    "userinfo": "http://127.0.0.1:8080@evil.example.com/callback",
    "userinfo in front": "http://evil@127.0.0.1:8080/callback",
    "host that begins so": "http://127.0.0.1.evil.example.com:8080/callback",
    "backslash": "http://127.0.0.1:8080\\@evil.example.com/callback",
    "port 0": "http://127.0.0.1:0/callback",
    "port beyond": "http://127.0.0.1:65536/callback",
    "port in other digits": "http://127.0.0.1:٨٠٨٠/callback",
    "port with a zero in front": "http://127.0.0.1:08080/callback",
    "signed port": "http://127.0.0.1:+8080/callback",
    "empty port": "http://127.0.0.1:/callback",
    "two ports": "http://127.0.0.1:80:8080/callback",
    "another path": "http://127.0.0.1:8080/evil",
    "slash at the end": "http://127.0.0.1:8080/callback/",
    "no path": "http://127.0.0.1:8080",
    "traversal": "http://127.0.0.1:8080/callback/../evil",
    "query added": "http://127.0.0.1:8080/callback?x=1",
    "fragment": "http://127.0.0.1:8080/callback#x",
    "line end behind": "http://127.0.0.1:8080/callback\n",
    "trailing dot": "http://127.0.0.1.:8080/callback",
}


@pytest.mark.parametrize("app_type", AppType)
@pytest.mark.parametrize("trick", TRICKS)
def test_to_the_letter(trick: str, app_type: AppType) -> None:
    registered = ("https://other.example.com/callback", WEB)
    assert is_registered(app_type, registered, WEB)
    assert not is_registered(app_type, registered, TRICKS[trick])


@pytest.mark.parametrize("trick", LOOPBACK_TRICKS)
def test_the_port_alone_may_be_another(trick: str) -> None:
    assert not is_registered(
        AppType.NATIVE, (LOOPBACK, LOOPBACK_6, "http://localhost/callback"), LOOPBACK_TRICKS[trick]
    )


@pytest.mark.parametrize("port", ["", ":1", ":80", ":8080", ":65535"])
@pytest.mark.parametrize("registered_port", ["", ":80", ":5000"])
def test_any_port_of_an_installed_app(port: str, registered_port: str) -> None:
    for host in ("127.0.0.1", "[::1]"):
        for rest in ("", "/", "/callback", "/callback?x=1", "?x=1"):
            registered = (f"http://{host}{registered_port}{rest}",)
            assert is_registered(AppType.NATIVE, registered, f"http://{host}{port}{rest}")
    assert not is_registered(AppType.NATIVE, (f"{LOOPBACK_6}",), f"http://127.0.0.1{port}/callback")


@pytest.mark.parametrize("app_type", [each for each in AppType if each is not AppType.NATIVE])
def test_of_other_apps_the_port_is_compared_too(app_type: AppType) -> None:
    assert is_registered(app_type, (LOOPBACK,), LOOPBACK)
    assert not is_registered(app_type, (LOOPBACK,), "http://127.0.0.1:8080/callback")


def test_schemes_of_ones_own_have_no_ports() -> None:
    registered = ("com.example.app:/callback",)
    assert is_registered(AppType.NATIVE, registered, "com.example.app:/callback")
    assert not is_registered(AppType.NATIVE, registered, "com.example.app:8080/callback")


async def test_a_code_goes_to_a_loopback_port_and_is_redeemed_there_alone(service: Running) -> None:
    native = await service.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=[LOOPBACK])
    user_id, verifier = await service.user(), "v" * 43
    sent = {"redirect_uri": "http://127.0.0.1:49152/callback", "code_challenge": code_challenge(verifier)}
    code = await service.code(native, user_id, **sent)
    # RFC 6749 section 4.1.3: what the code was asked for with, not what is registered.
    other = await service.code(native, user_id, **sent)
    await refused(service.redeem(native, other, redirect_uri=LOOPBACK, code_verifier=verifier), "INVALID_GRANT")
    await service.redeem(native, code, redirect_uri=sent["redirect_uri"], code_verifier=verifier)
    for trick in LOOPBACK_TRICKS.values():
        if trick.isprintable():
            call = service.code(native, user_id, **sent | {"redirect_uri": trick})
            await refused(call, "INVALID_REQUEST", "redirect_uri")
