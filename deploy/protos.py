"""`python -m deploy.protos`: make `gen/` from `proto/`: stubs for Python, and the image that buf and Envoy read.

The package for callers is built by the same functions (proto/clients/python), so this imports nothing of ours.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).parents[1]
# Not imported by our protos, but packed into an error's details, by which the gateway prints them.
PACKED = "google/rpc/error_details.proto"


def main() -> None:
    """Make `gen/` anew; what was there before is gone even where this fails."""
    gen = _ROOT / "gen"
    shutil.rmtree(gen, ignore_errors=True)
    gen.mkdir()
    make_stubs(_ROOT / "proto", gen)
    make_image(_ROOT / "proto", gen / "tessera.binpb")


def make_stubs(protos: Path, folder: Path) -> None:
    """Make the Python stubs, with their types, of a folder of protos."""
    outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
    arguments = (f"--{output}_out={'quiet:' if 'mypy' in output else ''}{folder}" for output in outputs)
    protoc(*arguments, protos=protos)


def make_image(protos: Path, image: Path) -> None:
    """Make the descriptor image, with comments and everything imported, of a folder of protos."""
    options = ("--include_imports", "--include_source_info", f"--descriptor_set_out={image}")
    protoc(*options, PACKED, protos=protos)


def protoc(*arguments: str, protos: Path = _ROOT / "proto", files: Iterable[str] | None = None) -> None:
    """Run protoc, with the plugins that stand beside this Python.

    Args:
        arguments: its options, and files beside those below.
        protos: folder of the protos.
        files: paths in it; every proto where none are given.

    Raises:
        subprocess.CalledProcessError: it failed, and said why.
    """
    import google.api

    imported = Path(next(iter(google.api.__path__))).parents[1]
    if files is None:
        files = [str(path.relative_to(protos)) for path in sorted(protos.rglob("*.proto"))]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={protos}", f"--proto_path={imported}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run([*command, *arguments, *files], check=True, env=os.environ | {"PATH": path})


if __name__ == "__main__":
    main()
