"""Fetching from an address that a tenant named: nowhere that the tenant does not reach himself."""

import pytest

from services.account.providers.fetch import FetchError, Reach, fetch_json, is_public
from services.account.providers.names import Names
from tests.support.oidc import running_provider


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public(address: str) -> None:
    assert is_public(address)


async def test_a_private_address_is_not_even_connected_to(names: Names) -> None:
    public, anywhere = (Reach(names, "d1", private_addresses=each) for each in (False, True))
    async with running_provider() as provider:
        https = provider.issuer.replace("http:", "https:")
        for url in (f"{https}/keys", f"{https.replace('127.0.0.1', 'localhost')}/keys"):
            with pytest.raises(FetchError, match="is not a public address"):
                await fetch_json(url, public)
        with pytest.raises(FetchError, match="not https"):
            await fetch_json(f"{provider.issuer}/keys", public)
        assert provider.asked == []
        assert (await fetch_json(f"{provider.issuer}/keys", anywhere))["keys"]


async def test_the_host_that_is_looked_up_is_the_one_that_is_asked() -> None:
    """Not what older rules for international names make of it, which is somebody else's."""
    looked_up = []

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        raise OSError

    names = Names(look_up)
    for host in ("xn--fa-hia.example.com", "[2606:4700:4700::1111]"):
        with pytest.raises(FetchError):
            await fetch_json(f"https://{host}/keys", Reach(names, "d1", private_addresses=False))
    names.close()
    assert looked_up == ["xn--fa-hia.example.com", "2606:4700:4700::1111"]


@pytest.mark.parametrize("url", ["https://", "https://nowhere.invalid/", "ftp://127.0.0.1/", "https://127.0.0.1:1/"])
async def test_what_cannot_be_had(url: str, names: Names) -> None:
    with pytest.raises(FetchError):
        await fetch_json(url, Reach(names, "d1", private_addresses=True))
