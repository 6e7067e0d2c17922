"""Stands for pip where images are built by tests: what a lock file lists is copied from what these tests run on.

That was installed by `requirements-dev.lock`, with hashes. So no package is fetched and unpacked twice, and what pip
would refuse is refused: a package without a hash, one of another hash or version than was installed, one that needs
another that is not listed. A script by itself: a shell calls it in place of pip.
"""

import argparse
import os
import re
import shutil
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_INSTALLED_BY = Path(__file__).parents[2] / "requirements-dev.lock"
_PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<hashes>(?: \\\n +--hash=\S+)+)$", re.MULTILINE)


def main() -> None:
    """Do what the Dockerfiles of this repository ask of pip, and nothing else."""
    parser = argparse.ArgumentParser(prog="pip")
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("command", choices=["install"])
    parser.add_argument("--no-cache-dir", action="store_true", required=True)
    parser.add_argument("--require-hashes", action="store_true", required=True)
    parser.add_argument("--no-deps", action="store_true")
    parser.add_argument("--requirement", type=Path, required=True)
    arguments = parser.parse_args()

    wanted = _pinned(arguments.requirement)
    installed = _pinned(_INSTALLED_BY)
    for name, pin in wanted.items():
        if installed.get(name) != pin:
            sys.exit(f"{name} is not what {_INSTALLED_BY.name} has installed: make lock")
        package = distribution(name)
        if not arguments.no_deps and (missing := _needed(package) - set(wanted)):
            sys.exit(f"{name} needs what {arguments.requirement} does not list: {', '.join(sorted(missing))}")
        _copy(package, arguments.python.absolute())


def _pinned(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a lock file."""
    text = lock.read_text(encoding="utf-8")
    pins = {
        each["name"]: (each["version"], frozenset(each["hashes"].split()) - {"\\"}) for each in _PINNED.finditer(text)
    }
    assert len(pins) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), f"{lock} has a line that is not understood"
    return pins


def _needed(package: Distribution) -> set[str]:
    requirements = [Requirement(each) for each in package.requires or ()]
    return {
        canonicalize_name(each.name) for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})
    }


def _copy(package: Distribution, python: Path) -> None:
    """Copy a package's files, compiled ones too, to where another Python looks for them."""
    packages = python.parents[1] / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for file in package.files or ():
        source = Path(str(package.locate_file(file)))
        target = Path(os.path.normpath(packages / file))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        if target.parent == python.parent and (text := source.read_bytes()).startswith(b"#!"):
            target.write_bytes(f"#!{python}\n".encode() + text.partition(b"\n")[2])


if __name__ == "__main__":
    main()
