"""The package as others install it: built without gen/, with all that its stubs ask for, used outside the checkout."""

import asyncio
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.token import Running

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "proto" / "clients" / "python"

# What a user of it writes; type checkers know the stubs' async side from the channel.
SCRIPT = """
import asyncio
import sys

from tessera.client import AccessTokens, ClientSecret, open_channel
from tessera.client.errors import NotFoundUser
from tessera.token.v1.user_service_pb2 import UpdateUserRequest
from tessera.token.v1.user_service_pb2_grpc import UserServiceStub


async def main(address: str, client_id: str, secret: str) -> None:
    async with open_channel(address) as token:
        access_tokens = AccessTokens(token, ClientSecret(client_id, secret))
        async with open_channel(address, access_tokens=access_tokens) as channel:
            try:
                await UserServiceStub(channel).UpdateUser(UpdateUserRequest(user_id="nobody", status="enabled"))
            except NotFoundUser as error:
                print(error.reason)


asyncio.run(main(*sys.argv[1:]))
"""


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout, by pip, without a network."""
    made = tmp_path_factory.mktemp("wheel")
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--wheel-dir", made)
    run(sys.executable, "-m", "pip", "wheel", *options, PROJECT, cwd=made)
    return next(made.glob("tessera_client-*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, and the libraries of this one, but nothing of the checkout."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    options = ("--no-deps", "--no-index", "--quiet", "--target", purelib)
    run(sys.executable, "-m", "pip", "install", *options, wheel, cwd=folder)
    # Its own path files are not read: they lead into the checkout.
    Path(purelib, "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def test_it_holds_the_client_and_the_stubs_of_callers_with_their_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = {name for name in names if name.startswith("tessera/")}
    assert {name.split("/")[1] for name in modules} == {"client", "token", "account", "binding", "runtime"}
    for package in ("client", "token", "account", "binding", "runtime"):
        assert f"tessera/{package}/py.typed" in modules
    for path in (PROJECT / "tessera").rglob("*.py"):
        assert str(path.relative_to(PROJECT)) in modules
    for path in (ROOT / "proto" / "tessera").glob("*/v1/*.proto"):
        stub = path.relative_to(ROOT / "proto").with_suffix("")
        assert {f"{stub}_pb2.py", f"{stub}_pb2.pyi", f"{stub}_pb2_grpc.py", f"{stub}_pb2_grpc.pyi"} <= modules
    assert {name.split("/")[0] for name in names} == {"tessera", f"tessera_client-{version_of(wheel)}.dist-info"}


def test_its_lower_bounds_are_what_the_stubs_ask_for(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    bounds = {}
    for text in metadata(wheel).get_all("Requires-Dist", []):
        requirement = Requirement(text)
        if requirement.marker is None:
            (bound,) = requirement.specifier
            assert bound.operator == ">="
            bounds[requirement.name] = Version(bound.version)
    grpc = re.search(r"GRPC_GENERATED_VERSION = '(.*)'", archive.read(f"{STUB}_grpc.py").decode())
    protobuf = re.search(r"Domain\.PUBLIC,\s*(\d+),\s*(\d+),\s*(\d+)", archive.read(f"{STUB}.py").decode())
    assert grpc is not None
    assert protobuf is not None
    assert bounds["grpcio"] == Version(grpc[1])
    assert bounds["protobuf"] == Version(".".join(protobuf.groups()))
    for name, bound in bounds.items():
        assert bound <= Version(version(name)), f"{name}: nothing here is tested with it"


STUB = "tessera/token/v1/token_service_pb2"


def test_it_is_built_by_the_protoc_that_the_lock_has() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    required = {each.name: each for each in map(Requirement, project["build-system"]["requires"])}
    assert str(required["grpcio-tools"].specifier) == f"=={version('grpcio-tools')}"
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == ours["project"]["version"]


def test_a_source_distribution_is_enough_to_build_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=PROJECT)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(folder for folder in tmp_path.iterdir() if folder.is_dir())
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source)
    again = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    first = zipfile.ZipFile(wheel)
    contents = [
        {name: each.read(name) for name in each.namelist() if "dist-info" not in name} for each in (first, again)
    ]
    assert contents[0] == contents[1]


async def test_it_calls_a_service_from_outside_the_checkout(python: Path, service: Running, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    where = await asyncio.to_thread(
        run, python, "-c", "import tessera.client, tessera.token.v1; print(tessera.__path__)", cwd=tmp_path
    )
    assert str(ROOT) not in where
    operator = service.made["operator"]
    arguments = (service.settings.listen[0], operator["client_id"], operator["client_secret"])
    assert await asyncio.to_thread(run, python, "script.py", *arguments, cwd=tmp_path) == "NOT_FOUND_USER\n"


def test_type_checkers_know_what_a_call_answers(python: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed: `make .venv/.checkers`")
    wrong = SCRIPT.replace('status="enabled"', "status=1").replace("print(error.reason)", "print(error.reasons)")
    for name, text in (("right", SCRIPT), ("wrong", wrong)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    options = ("--strict", "--python-executable", python, "--cache-dir", tmp_path / "cache", "--config-file", "")
    command = (sys.executable, "-m", "mypy", *options)
    assert "Success" in run(*command, "right.py", cwd=tmp_path)
    found = subprocess.run([*map(str, command), "wrong.py"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert re.findall(r"wrong\.py:\d+: error: .*\[(.*)\]", found.stdout) == ["arg-type", "attr-defined"]


def metadata(wheel: Path) -> Message:
    archive = zipfile.ZipFile(wheel)
    return message_from_bytes(archive.read(f"tessera_client-{version_of(wheel)}.dist-info/METADATA"))


def version_of(wheel: Path) -> str:
    return wheel.name.split("-")[1]
