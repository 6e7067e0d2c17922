"""mTLS between the gateway and the services: each believes the other by its name, and certificates are replaced."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.certificates import make_authority
from services.runtime.tls import server_credentials
from tests.support.certificates import believe, certified
from tests.support.gateways import Answer, Edge, Upstream, running_gateway, settings

OURS, THEIRS = make_authority(), make_authority()
ASKED = "grant_type=client_credentials&client_id=one&client_secret=two"


def post(path: str, body: str, kind: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "host: t", "authorization: Bearer t", f"content-type: application/{kind}"]
    return "\r\n".join([*head, f"content-length: {len(body)}", "connection: close", "", body]).encode()


@contextmanager
def edge(folder: Path, service: str) -> Iterator[Edge]:
    """A gateway, and behind all of its addresses one service of that name."""
    services = Upstream()
    proven = server_credentials(certified(folder / "service", OURS, service))
    own = certified(folder / "gateway", OURS, "gateway")
    with services.running(proven) as behind, running_gateway(folder, settings(folder, behind, tls=own)) as address:
        yield Edge(address, services, folder)


def ask(gateway: Edge) -> Answer:
    return gateway.ask(post("/v2/oauth/token", ASKED, "x-www-form-urlencoded"))


def until_answered(gateway: Edge) -> None:
    """Wait until the service is called, which says what is answered 500."""
    deadline = time.monotonic() + 20
    while ask(gateway).status != 500:
        assert time.monotonic() < deadline, (gateway.folder / "envoy.log").read_text()
        time.sleep(0.05)


def test_a_service_of_another_name_is_not_called(tmp_path: Path) -> None:
    with edge(tmp_path, "token") as gateway:
        until_answered(gateway)
        gateway.services.calls.clear()
        link = gateway.ask(post("/v2/account/link", "{}", "json"))
        query = gateway.ask(post("/v3/device/account/query", "{}", "json"))
        assert link.status == 503
        assert b"The service is unavailable" in query.body
        # Token alone was asked about TPNS's credential, and account and binding nothing.
        assert {path for path, _ in gateway.services.calls} <= {"/envoy.service.auth.v3.Authorization/Check"}


@pytest.mark.parametrize("wrong", ["authority", "name", "plaintext"])
def test_a_service_that_cannot_prove_itself_is_not_called(tmp_path: Path, wrong: str) -> None:
    services = Upstream()
    authority = THEIRS if wrong == "authority" else OURS
    service = certified(tmp_path / "service", authority, "binding" if wrong == "name" else "token", OURS)
    own = certified(tmp_path / "gateway", OURS, "gateway")
    proven = None if wrong == "plaintext" else server_credentials(service)
    with services.running(proven) as behind, running_gateway(tmp_path, settings(tmp_path, behind, tls=own)) as address:
        gateway = Edge(address, services, tmp_path)
        for _ in range(20):
            assert ask(gateway).status == 503
            time.sleep(0.05)
    assert not services.calls


def test_an_authority_is_replaced_without_a_failed_call(tmp_path: Path) -> None:
    service, own = tmp_path / "service", tmp_path / "gateway"
    with edge(tmp_path, "token") as gateway:
        until_answered(gateway)
        answers: list[int] = []
        done = threading.Event()

        def calls() -> None:
            while not done.is_set():
                answers.append(ask(gateway).status)

        calling = threading.Thread(target=calls)
        calling.start()
        try:
            for each in (own, service):
                believe(each, OURS, THEIRS)
            time.sleep(0.5)
            certified(service, THEIRS, "token", OURS)
            certified(own, THEIRS, "gateway", OURS)
            time.sleep(0.5)
            for each in (own, service):
                believe(each, THEIRS)
            time.sleep(0.5)
        finally:
            done.set()
            calling.join()
        assert set(answers) == {500}
        # New connections are made by what is new: the one that there was is cut.
        gateway.services.mode = "cut"
        assert ask(gateway).status == 503
        gateway.services.mode = "say"
        until_answered(gateway)
        assert all(peer == [b"spiffe://tessera/gateway"] for peer in gateway.services.peers)
