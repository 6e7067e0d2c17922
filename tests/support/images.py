"""Images without an engine: a Dockerfile's own lines, followed one by one, in folders that stand for its stages.

What a base image would bring is this machine's: Python, a shell, and pip or what stands for it. Everything of ours
stands under a few folders (`OURS`), which are moved below the stage's root wherever a line names them.
"""

import dataclasses
import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

# What images of ours consist of, and where their processes write.
OURS = ("/opt/tessera", "/var/lib/tessera", "/run/tessera")


@dataclasses.dataclass(frozen=True)
class Image:
    """What is run from a stage.

    Args:
        root: the folder that stands for its file system.
        workdir: as the Dockerfile names it.
        user: as the Dockerfile names it.
        env: the environment.
        entrypoint: begins the command line.
        cmd: ends it, where nothing else is said.
        stop_signal: name of the signal that asks the process to end.
        healthcheck: a command that succeeds while all is well.
    """

    root: Path
    workdir: str = "/"
    user: str = ""
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    healthcheck: tuple[str, ...] = ()

    def moved(self, text: str) -> str:
        """A text of the image's with the paths that they are here."""
        return moved(text, {path: f"{self.root}{path}" for path in OURS})


def moved(text: str, places: dict[str, str]) -> str:
    """A text with other paths: those that stand in `places`, the longest first, and what is below them."""
    names = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    return re.sub(rf"(?<![\w/.])({names})(?![\w-])", lambda found: places[found[1]], text)


class Builder:
    """Builds images; a stage whose lines were followed already is not built again.

    Args:
        context: the repository.
        folder: where stages stand.
        fetching: whether packages come from an index, by pip; else from what these tests run on (see `pip.py`).
    """

    def __init__(self, context: Path, folder: Path, *, fetching: bool = False) -> None:
        self._folder = folder
        self._tools = [Path(sys.executable).parent]
        if not fetching:
            self._tools.insert(0, _pip(folder / "tools"))
        self._context = folder / "context"
        self._stages: dict[str, Image] = {}
        _copy_context(context, self._context)

    def build(self, dockerfile: Path, **arguments: str) -> Image:
        """The last stage of a Dockerfile, nothing of which can be written any more."""
        last = _Build(self, _instructions(dockerfile), arguments).stage(None)
        for folder, _, files in os.walk(last.root):
            for path in (folder, *(f"{folder}/{file}" for file in files)):
                mode = os.lstat(path).st_mode
                if mode & 0o222 and not stat.S_ISLNK(mode):
                    Path(path).chmod(stat.S_IMODE(mode) & ~0o222)
        return last

    def close(self) -> None:
        """Let what was built be deleted."""
        for folder, _, _ in os.walk(self._folder):
            Path(folder).chmod(0o755)

    def made(self, base: Image | None, lines: list[tuple[str, str]], build: "_Build") -> Image:
        """A stage on top of another one."""
        steps = [(name, build.named(name, rest)) for name, rest in lines]
        key = hashlib.sha256(repr((base and base.root.name, steps)).encode()).hexdigest()[:16]
        if key not in self._stages:
            root = self._folder / key
            if base:
                shutil.copytree(base.root, root, symlinks=True, copy_function=os.link)
            else:
                root.mkdir()
            image = dataclasses.replace(base, root=root) if base else Image(root)
            if any(name == "ENTRYPOINT" for name, _ in lines):
                # As engines have it: what an earlier stage passes to its own entry point is not passed to another.
                image = dataclasses.replace(image, cmd=())
            for name, rest in lines:
                image = self._step(image, name, rest, build)
            self._stages[key] = image
        return self._stages[key]

    def _step(self, image: Image, name: str, rest: str, build: "_Build") -> Image:
        if name == "WORKDIR":
            (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            return dataclasses.replace(image, workdir=rest)
        if name == "COPY":
            self._copy(image, shlex.split(rest), build)
        elif name == "RUN":
            _run(image, rest, self._tools)
        elif name == "ENV":
            pairs = dict(part.split("=", 1) for part in shlex.split(rest))
            known = {"PATH": os.environ["PATH"], **image.env}
            new = {key: re.sub(r"\$(\w+)", lambda found: known[found[1]], value) for key, value in pairs.items()}
            return dataclasses.replace(image, env=image.env | new)
        elif name == "HEALTHCHECK":
            return dataclasses.replace(image, healthcheck=tuple(json.loads(rest.partition("CMD ")[2])))
        elif name in ("ENTRYPOINT", "CMD"):
            return dataclasses.replace(image, **{name.lower(): tuple(json.loads(rest))})
        elif name in ("USER", "STOPSIGNAL"):
            return dataclasses.replace(image, **{"user" if name == "USER" else "stop_signal": rest})
        else:
            assert name in ("LABEL", "EXPOSE"), f"{name} is not known here"
        return image

    def _copy(self, image: Image, words: list[str], build: "_Build") -> None:
        origin = self._context
        if words[0].startswith("--from="):
            origin = build.stage(words.pop(0).removeprefix("--from=")).root
        *sources, target = words
        destination = image.root / str(Path(image.workdir, target)).lstrip("/")
        into = len(sources) > 1 or target.endswith("/")
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(path, destination, symlinks=True, dirs_exist_ok=True, copy_function=_linked)
            else:
                (destination if into else destination.parent).mkdir(parents=True, exist_ok=True)
                _linked(path, destination / path.name if into else destination)


class _Build:
    """One Dockerfile with its arguments."""

    def __init__(self, builder: Builder, instructions: list[tuple[str, str]], arguments: dict[str, str]) -> None:
        self._builder = builder
        self._arguments: dict[str, str] = {}
        self._stages: list[tuple[str, str, list[tuple[str, str]]]] = []
        for name, rest in instructions:
            if name == "FROM":
                base, _, stage = rest.partition(" AS ")
                self._stages.append((stage, self._filled(base), []))
            elif self._stages:
                self._stages[-1][2].append((name, rest))
            else:
                assert name == "ARG"
                key, _, default = rest.partition("=")
                self._arguments[key] = arguments.get(key, default)

    def stage(self, wanted: str | None) -> Image:
        """A stage by its name; `None` is the last one."""
        found = [stage for stage in self._stages if wanted is None or stage[0] == wanted]
        _, base, lines = found[-1]
        known = any(name == base for name, _, _ in self._stages)
        assert known or base == self._arguments["PYTHON_IMAGE"], f"there is no stage {base!r}"
        return self._builder.made(self.stage(base) if known else None, lines, self)

    def named(self, name: str, rest: str) -> str:
        """A line in which a stage is named by what it consists of."""
        if name != "COPY" or not rest.startswith("--from="):
            return rest
        origin, _, paths = rest.removeprefix("--from=").partition(" ")
        return f"{self.stage(origin).root.name} {paths}"

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self._arguments[found[1]], text)


def _instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    words = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name, " ".join(rest.split()) if name != "RUN" else rest) for name, rest in words]


def _pip(folder: Path) -> Path:
    """A folder with what stands for pip."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-P", str(Path(__file__).with_name("pip.py"))]
    (folder / "pip").write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    (folder / "pip").chmod(0o755)
    return folder


def _run(image: Image, line: str, tools: list[Path]) -> None:
    if os.getuid() != 0:
        line = re.sub(r"--(owner|group)=\d+", "", line)
    # The tools of a base image: this Python's, before others of this machine.
    environ = os.environ | {"PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]])}
    workdir = image.root / image.workdir.lstrip("/")
    done = subprocess.run(
        ["sh", "-euc", image.moved(line)], cwd=workdir, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"RUN {line}\n{done.stdout}{done.stderr}"


def _copy_context(repository: Path, target: Path) -> None:
    """What an engine would be handed: by a .dockerignore that lists what is wanted, nothing else being understood."""
    first, *others = [
        line
        for line in (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert (first, others[-1]) == ("*", "**/__pycache__")
    for pattern in others[:-1]:
        assert pattern.startswith("!")
        found = list(repository.glob(pattern[1:]))
        assert found, f"{pattern} names nothing"
        for path in found:
            copy = target / path.relative_to(repository)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(path, copy)


def _linked(source: Any, target: Any) -> None:
    """A copy that takes no room; what stood there before goes."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target, follow_symlinks=False)
