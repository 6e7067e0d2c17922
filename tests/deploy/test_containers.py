"""Every command, environment, mount and probe of the files for containers, run on this machine without an engine."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from deploy import manifests, secrets
from deploy.local.demo import Demo
from deploy.local.home import Home
from deploy.local.ports import Layout
from deploy.local.seed import seed
from services.runtime.env import Address
from tests.support.compose import ROOT, Compose, Postgres
from tests.support.containers import Host
from tests.support.images import Builder
from tests.support.kubernetes import Kubernetes, Object, probe
from tests.support.ports import free_ports
from tests.support.world import World

# Images are built, and all of it twice started: more than other tests do.
pytestmark = pytest.mark.timeout(600)

SERVICES = {"token": 50051, "account": 50052, "binding": 50053}
METRICS = 9464


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path, since Postgres's socket stands below, that every user may pass."""
    made = Path(tempfile.mkdtemp(prefix="tessera-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def builder(folder: Path) -> Iterator[Builder]:
    made = Builder(ROOT, folder / "images")
    yield made
    made.close()


@pytest.fixture
def fetching(folder: Path) -> Iterator[Builder]:
    """One whose packages come from an index, each with its hash, as an engine's would."""
    made = Builder(ROOT, folder / "fetched", fetching=True)
    yield made
    made.close()


async def world(host: Host, kept: Path, folder: Path) -> World:
    """What a stranger knows, once an operator has made one of everything by the admin RPCs."""
    home = Home(folder / "operator")
    for name in ("operator_client_id", "operator_client_secret"):
        shutil.copy(kept / name, home.identities)
    peers = {name: (Address("127.0.0.1", host.port(name, port)),) for name, port in SERVICES.items()}
    # There is no demo app: where it would be, the demo's redirect URI leads.
    nobody = Address("127.0.0.1", free_ports(1)[0])
    layout = Layout(Address("127.0.0.1", host.port("gateway", 8080)), nobody, peers, {}, "127.0.0.1", {})
    demo = await seed(layout, home, kept / "tls" / "operator")
    demo = await asyncio.to_thread(demo.renewed, layout.gateway_url)
    demo.write(home.demo)
    made = Demo.read(home.demo)
    grpc = {name: str(address) for name, (address,) in peers.items()}
    return World(layout.gateway_url, {name: getattr(made, name) for name in made.__dataclass_fields__}, grpc)


async def one_call_of_each_surface(world: World) -> None:
    async with world.http() as http:
        assert (await http.get("/ready")).status_code == 200
        assert (await http.post("/v2/oauth/token", data=world.by_assertion())).status_code == 200
        bearer = await world.bearer(http)
        body = {"user_id": world.demo["user_id"], "type": "mobile", "identity": "13900001235"}
        # Account asks token to mint, by the identity that stands in the secrets.
        linked = await http.post("/v2/account/link", json=body, headers=bearer)
        assert (linked.status_code, linked.json().get("user_id")) == (200, world.demo["user_id"]), linked.text
        query = {"Action": "DescribeOpenAccount", "IdentityId": world.demo["identity_id"], "Format": "JSON"}
        assert (await http.get("/", params=query, headers=bearer)).status_code == 200
        # The gateway asks token about the push app, by its own identity.
        batch = {"operator_type": 2, "token_accounts": [{"token": "t1", "account_list": [{"account": "a1"}]}]}
        bound = await http.post("/v3/device/account/batchoperate", json=batch, auth=world.push())
        assert bound.json()["ret_code"] == 0, bound.text


def metrics_are_there(host: Host) -> None:
    for name in SERVICES:
        answer = httpx.get(f"http://127.0.0.1:{host.port(name, METRICS)}/metrics", trust_env=False)
        assert "tessera_calls_total" in answer.text


async def test_compose(builder: Builder, folder: Path) -> None:
    place, kept, port = folder / "compose", folder / "compose-secrets", free_ports(1)[0]
    place.mkdir()
    secrets.make(kept, host="127.0.0.1", port=port, sslmode=None)
    file = Compose(builder, place, kept)
    host = Host(place, list(file.services))
    with Postgres(place, port, kept).running(), host.held():
        for name in file.once():
            host.run(file.container(name))
        running = {name: file.container(name) for name in (*SERVICES, "gateway")}
        for container in running.values():
            host.start(container)
        for name, container in running.items():
            host.until(container, lambda name=name, container=container: host.succeeds(container, file.health(name)))  # type: ignore[misc]
        made = await world(host, kept, place)
        await one_call_of_each_surface(made)
        metrics_are_there(host)

        # Twice is once; and one that is stopped and started again is missed by its own calls alone.
        host.run(file.container("bootstrap"))
        host.stop("account")
        async with made.http() as http:
            assert (await http.post("/v2/oauth/token", data=made.by_assertion())).status_code == 200
        host.start(running["account"])
        host.until(running["account"], lambda: host.succeeds(running["account"], file.health("account")))
        host.until(running["gateway"], lambda: host.succeeds(running["gateway"], file.health("gateway")))
        await one_call_of_each_surface(made)
        host.stop_all()


@pytest.mark.skipif(
    manifests.tool("kustomize") is None and not os.environ.get("CI"), reason="kustomize is missing: make .venv/.tools"
)
@pytest.mark.slow
async def test_kubernetes(fetching: Builder, folder: Path) -> None:
    place, port = folder / "kubernetes", free_ports(1)[0]
    place.mkdir()
    copy = manifests.copied(place, host="127.0.0.1", port=port)
    overlay = copy / "overlays" / "example"
    objects = Kubernetes(manifests.build(overlay), fetching, place / "volumes")
    deployments, jobs = objects.named("Deployment"), objects.named("Job")
    assert set(deployments) == {*SERVICES, "gateway"}
    host = Host(place, list(objects.named("Service")))
    with Postgres(place, port, overlay / "secrets").running(), host.held():
        # In the file's order: bootstrap comes last, and would be tried again if it did not.
        for job in sorted(jobs.values(), key=lambda each: each["metadata"]["name"] == "bootstrap"):
            host.run(objects.container(job))
        running = {name: objects.container(each) for name, each in deployments.items()}
        specs = {name: spec_of(each) for name, each in deployments.items()}
        for container in running.values():
            host.start(container)
        for name, container in running.items():
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                host.until(container, lambda n=name, c=container, k=kind: probe(host, c, specs[n], k))  # type: ignore[misc]
        await one_call_of_each_surface(await world(host, overlay / "secrets", place))
        metrics_are_there(host)
        # A later release: the operator has taken the identities away.
        objects.objects.remove(objects.named("Secret")["tessera-identities"])
        (place / "volumes/bootstrap").rename(place / "first-bootstrap")
        host.run(objects.container(jobs["bootstrap"]))
        host.stop_all()


def spec_of(workload: Object) -> Object:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return container  # type: ignore[no-any-return]


async def test_a_service_lives_while_its_database_is_away(builder: Builder, folder: Path) -> None:
    """It is not ready, and nothing is gained by starting it anew."""
    place, kept = folder / "away", folder / "away-secrets"
    place.mkdir()
    secrets.make(kept, host="127.0.0.1", port=free_ports(1)[0], sslmode=None)
    file = Compose(builder, place, kept)
    spec = spec_of(next(yaml_objects("token", "Deployment")))
    host = Host(place, list(file.services))
    with host.held():
        token = file.container("token")
        host.start(token)
        host.until(token, lambda: probe(host, token, spec, "livenessProbe"))
        assert probe(host, token, spec, "startupProbe")
        assert not probe(host, token, spec, "readinessProbe")
        assert not host.succeeds(token, file.health("token"))
        host.stop("token")


def yaml_objects(name: str, kind: str) -> Iterator[Object]:
    text = (ROOT / "deploy" / "kubernetes" / "base" / f"{name}.yaml").read_text(encoding="utf-8")
    return (each for each in yaml.safe_load_all(text) if each["kind"] == kind)


def test_the_images_hold_what_runs_and_no_more(builder: Builder) -> None:
    image = builder.build(ROOT / "deploy" / "docker" / "services.Dockerfile", SERVICE="binding")
    app = image.root / "opt/tessera/app"
    assert {path.name for path in app.iterdir()} == {"gen", "services"}
    assert {path.name for path in (app / "services").iterdir()} == {"__init__.py", "runtime", "binding"}
    assert list((app / "services/binding/__pycache__").glob("*.pyc"))
    assert not list(image.root.glob("opt/tessera/venv/lib/*/site-packages/pip"))
