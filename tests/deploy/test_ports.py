"""Who listens where."""

import dataclasses
import socket
from pathlib import Path

import pytest

from deploy.local.config import LocalSettings
from deploy.local.errors import CannotRun
from deploy.local.ports import held, lay_out
from tests.support.stack import local_settings


def test_the_ports_of_the_manual() -> None:
    layout = lay_out(LocalSettings())
    assert layout.gateway_url == "http://127.0.0.1:8080"
    assert layout.redirect_uri == "http://127.0.0.1:8081/callback"
    assert {service: [str(each) for each in workers] for service, workers in layout.workers.items()} == {
        "token": ["127.0.0.1:50051"],
        "account": ["127.0.0.1:50052"],
        "binding": ["127.0.0.1:50053"],
    }
    assert [each.port for workers in layout.metrics.values() for each in workers] == [9464, 9465, 9466]


def test_further_workers_stand_above_50100() -> None:
    layout = lay_out(LocalSettings(workers=3))
    assert {service: [each.port for each in workers] for service, workers in layout.workers.items()} == {
        "token": [50051, 50101, 50102],
        "account": [50052, 50103, 50104],
        "binding": [50053, 50105, 50106],
    }
    assert [each.port for each in layout.metrics["account"]] == [9465, 9468, 9471]


def test_peers_of_a_listener_on_every_address_are_on_this_machine() -> None:
    layout = lay_out(LocalSettings(bind="0.0.0.0"))
    assert str(layout.workers["token"][0]) == "0.0.0.0:50051"
    assert str(layout.peers("token")[0]) == "127.0.0.1:50051"
    assert layout.gateway_url == "http://127.0.0.1:8080"


def test_settings_that_cross_are_told_at_once() -> None:
    with pytest.raises(CannotRun) as refused:
        lay_out(LocalSettings(token_port=8080, metrics_port=65534))
    assert refused.value.problems == (
        "TESSERA_TOKEN_PORT: port 8080 is taken by TESSERA_GATEWAY_PORT",
        "TESSERA_METRICS_PORT: it takes ports up to 65536, the last one is 65535",
    )


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use_names_the_setting_that_moves_it(shared: bool) -> None:
    settings = local_settings(Path("unused"))
    account = settings.account_port
    with socket.socket() as taken:
        # Envoy listens like this, so a second one could listen as well.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        taken.bind(("127.0.0.1", account))
        taken.listen()
        with pytest.raises(CannotRun) as refused, held(lay_out(settings), "127.0.0.1"):
            pass
        assert refused.value.problems == (
            f"cannot listen on 127.0.0.1:{account}: address already in use; TESSERA_ACCOUNT_PORT moves it",
        )
    with held(lay_out(settings), "127.0.0.1"):
        pass


def test_an_address_that_is_not_this_machine_is_told() -> None:
    told = r"cannot listen on 203.0.113.1:8080: cannot assign requested address; TESSERA_BIND moves it"
    with pytest.raises(CannotRun, match=told), held(lay_out(LocalSettings()), "203.0.113.1"):
        pass


def test_a_port_is_its_server_s_and_no_client_s() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # of those from which the kernel gives to clients
        place = probe.getsockname()
    layout = lay_out(dataclasses.replace(local_settings(Path("unused")), account_port=place[1]))
    with held(layout, "127.0.0.1"):
        with socket.socket() as client, pytest.raises(OSError, match="already in use"):
            client.bind(place)  # as the kernel would for it
        with socket.create_server(place), socket.create_connection(place):
            pass
