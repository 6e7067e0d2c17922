"""deploy/compose.yaml as containers of this machine."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.local.postgres import programs
from tests.support.containers import Container, as_user, writable
from tests.support.images import Builder, Image

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
_NOBODY = "65534:65534"


def read() -> dict[str, Any]:
    """The file's content, each variable as it is where nobody sets it."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", FILE.read_text(encoding="utf-8"))
    return yaml.safe_load(text)  # type: ignore[no-any-return]


class Compose:
    """The file, the images of its services built.

    Args:
        builder: builds them.
        folder: for volumes.
        secrets: folder of the secrets.
    """

    def __init__(self, builder: Builder, folder: Path, secrets: Path) -> None:
        self._content = read()
        self._builder = builder
        self._folder = folder
        self._secrets = secrets
        self.services: dict[str, dict[str, Any]] = self._content["services"]

    def once(self) -> list[str]:
        """Those that run to their end, in an order in which they may."""
        names = [name for name, service in self.services.items() if service["restart"].startswith("on-failure")]
        for name in names:
            for needed in self.services[name]["depends_on"]:
                assert needed == "postgres" or names.index(needed) < names.index(name), "the file lists them in order"
        return names

    def container(self, name: str) -> Container:
        """A service of ours."""
        service = self.services[name]
        image = self._image(service)
        mounts = {"/run/secrets": self._granted(name, service["secrets"])}
        for volume in service.get("volumes", ()):
            if isinstance(volume, dict):
                assert (volume["type"], volume["read_only"]) == ("bind", True)
                mounts[volume["target"]] = self._secrets_in(name, volume["source"].removeprefix("./.secrets/"))
                continue
            source, target = volume.split(":")
            assert source in self._content["volumes"]
            mounts[target] = self._volume(source, image)
        for mount in service.get("tmpfs", ()):
            target, _, options = mount.partition(":")
            assert f"uid={image.user.split(':')[0]}" in options, "the process must be able to write it"
            mounts[target] = self._volume(f"{name}{target.replace('/', '-')}", image)
        return Container(
            name=name,
            image=image,
            arguments=tuple(service.get("command", image.cmd)),
            environment=service["environment"],
            mounts=mounts,
            grace=float(service.get("stop_grace_period", "10s").removesuffix("s")),
        )

    def health(self, name: str) -> tuple[str, ...]:
        """The command that tells whether a service is healthy."""
        return self._image(self.services[name]).healthcheck

    def _image(self, service: dict[str, Any]) -> Image:
        builds = [
            each["build"] for each in self.services.values() if each["image"] == service["image"] and "build" in each
        ]
        assert len(builds) == 1, "an image is built in one place"
        assert service["pull_policy"] == ("build" if "build" in service else "never")
        (build,) = builds
        assert (FILE.parent / build["context"]).resolve() == ROOT
        return self._builder.build(ROOT / build["dockerfile"], **build["args"])

    def _volume(self, name: str, image: Image) -> Path:
        folder = self._folder / name
        return folder if folder.exists() else writable(folder, image.user)

    def _secrets_in(self, name: str, below: str) -> Path:
        """A folder of secrets that is mounted whole: a copy, as what stands above is its owner's alone."""
        folder = self._folder / f"{name}-{below.replace('/', '-')}"
        if not folder.exists():
            shutil.copytree(self._secrets / below, folder)
        return folder

    def _granted(self, name: str, secrets: list[str]) -> Path:
        """A folder with the secrets that a service is granted, and no others."""
        folder = self._folder / f"{name}-secrets"
        if not folder.exists():
            folder.mkdir()
            for secret in secrets:
                source = Path(self._content["secrets"][secret]["file"]).name
                (folder / secret).write_bytes((self._secrets / source).read_bytes())
                (folder / secret).chmod(0o444)
        return folder


class Postgres:
    """What the image of Postgres does with an empty volume, by the embedded server: passwords, TCP and the init script.

    Args:
        folder: where its data are; a short path, since its socket stands there.
        port: where it listens.
        secrets: folder of the secrets.
    """

    def __init__(self, folder: Path, port: int, secrets: Path) -> None:
        self._service = read()["services"]["postgres"]
        self._data = writable(folder / "data", _NOBODY)
        self._programs = programs()
        given = {
            name: text.replace("/run/secrets", str(secrets)) for name, text in self._service["environment"].items()
        }
        self._env = {"PATH": os.environ["PATH"], "PGPORT": str(port), "LC_ALL": "C", **given}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Made, started, and stopped by the signal that the file says."""
        password = f"--pwfile={self._env['POSTGRES_PASSWORD_FILE']}"
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "--auth-host=scram-sha-256", password, "--no-locale"
        )
        program, *arguments = self._service["command"]
        options = ("-c", f"unix_socket_directories={self._data}", "-c", "listen_addresses=127.0.0.1")
        server = subprocess.Popen(self._argv(program, "-D", str(self._data), *arguments, *options), env=self._env)
        try:
            while not self.is_healthy():
                assert server.poll() is None
                time.sleep(0.1)
            self._initialise()
            yield
            server.send_signal(signal.Signals[self._service["stop_signal"]])
            grace = float(self._service["stop_grace_period"].removesuffix("s"))
            assert server.wait(timeout=grace) == 0
        finally:
            server.kill()
            server.wait()

    def is_healthy(self) -> bool:
        """What its health check says."""
        kind, program, *arguments = self._service["healthcheck"]["test"]
        assert kind == "CMD"
        command = [self._programs / program, *arguments]
        return subprocess.run(command, env=self._env, check=False, stdout=subprocess.DEVNULL).returncode == 0

    def _initialise(self) -> None:
        for volume in self._service["volumes"]:
            source, target, *_ = volume.split(":")
            if target.startswith("/docker-entrypoint-initdb.d/"):
                script = str((FILE.parent / source).resolve())
                options = ("-d", "postgres", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", script)
                self._run("psql", "-h", str(self._data), "-U", "postgres", *options)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._argv(program, *arguments), env=self._env, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def _argv(self, program: str, *arguments: str) -> list[str]:
        return [*as_user(_NOBODY), str(self._programs / program), *arguments]
