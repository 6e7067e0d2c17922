"""`python -m deploy.clients`: stubs for Go and TypeScript in `gen/`, compiled, with an example that calls by them.

Each language has a package in `proto/clients/`, all but the stubs; it is copied and the stubs put into it, so that what
stands in `gen/go` and `gen/typescript` can be taken elsewhere as it is.
"""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.protos import PACKED, protoc

ROOT = Path(__file__).parents[1]
_PROTOS = ROOT / "proto"
_PACKAGES = _PROTOS / "clients"
# What the gateway and token say to each other is nobody else's.
CONTRACTS = [
    path.relative_to(_PROTOS).as_posix()
    for path in sorted(_PROTOS.rglob("*.proto"))
    if not path.is_relative_to(_PROTOS / "tessera" / "edge")
]
# Go has these in a module of their own.
_GOOGLES = (
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/code.proto",
    PACKED,
)


class Missing(Exception):
    """A toolchain is not here; the text says how to get it."""


def make_go(folder: Path) -> None:
    """Make the Go module of `proto/clients/go` in a folder, which is emptied, and compile it. Raises `Missing`."""
    make_go_module(_PACKAGES / "go", folder, "go", "go-grpc")


def make_go_module(package: Path, folder: Path, *plugins: str) -> None:
    """Make a Go module `tessera` of a package and what plugins of protoc put beside it, and compile it.

    Args:
        package: folder of its `go.mod` and its own code.
        folder: where it is made; what is there is deleted.
        plugins: their names.

    Raises:
        Missing: Go or a plugin is not here.
        subprocess.CalledProcessError: it does not compile; the compiler has said why.
    """
    need_go()
    _copy(package, folder)
    protoc(*itertools.chain(*(plugin(name, folder, "module=tessera") for name in plugins)), files=CONTRACTS)
    _run(folder, "go", "vet", "./...")
    _run(folder, "go", "build", "./...")


def plugin(name: str, folder: Path, *options: str) -> list[str]:
    """Arguments of protoc for a plugin written in Go, which asks for packages that the contracts do not name."""
    packages = (f"M{file}=tessera{_go_package(file)}" for file in CONTRACTS)
    return [f"--{name}_out={folder}", *(f"--{name}_opt={option}" for option in (*options, *packages))]


def _go_package(file: str) -> str:
    """Import path below the module, and name: `tessera/token/v1/token.proto` is `/token/v1`, `tokenv1`."""
    _, name, version, _ = file.split("/")
    return f"/{name}/{version};{name}{version}"


def make_typescript(folder: Path) -> None:
    """Make the npm package `tessera-stubs` in a folder, which is emptied, and compile it. Raises `Missing`."""
    _need("npm", "Node.js 20 or newer with npm: https://nodejs.org, or your system's packages nodejs and npm")
    _copy(_PACKAGES / "typescript", folder)
    _run(folder, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    program = folder / "node_modules" / ".bin" / "protoc-gen-es"
    options = (f"--es_out={folder / 'src'}", "--es_opt=target=ts,import_extension=js")
    protoc(f"--plugin=protoc-gen-es={program}", *options, *_GOOGLES, files=CONTRACTS)
    _run(folder, "npm", "run", "--silent", "build")


LANGUAGES: dict[str, Callable[[Path], None]] = {"go": make_go, "typescript": make_typescript}


def main() -> int:
    """Make both, or the one whose toolchain is here; returns the exit code: 1 where neither is."""
    made = 0
    for language, make in LANGUAGES.items():
        folder = ROOT / "gen" / language
        try:
            make(folder)
        except Missing as missing:
            print(f"gen/{language} is not made: it needs {missing}", file=sys.stderr)
        else:
            print(f"gen/{language} is made and compiles")
            made += 1
    return 0 if made else 1


def need_go() -> None:
    """Raise `Missing` where Go, or what `make .venv/.tools` makes with it, is not here."""
    _need("go", "Go 1.26 or newer: https://go.dev/dl, or your system's package golang")
    if not Path(sys.executable).with_name("protoc-gen-go").exists():
        raise Missing("the plugins of protoc that `make .venv/.tools` builds")


def _need(program: str, how: str) -> None:
    if shutil.which(program) is None:
        raise Missing(how)


def _copy(package: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    sys.exit(main())
