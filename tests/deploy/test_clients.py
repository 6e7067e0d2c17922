"""The packages around generated stubs: pinned alike, by hashes, from nowhere in particular."""

import json
import re
from pathlib import Path

import pytest

from deploy import clients

GO_MODULES = [clients.ROOT / folder / "go.mod" for folder in ("deploy/tools", "proto/clients/go", "tests/compat/proxy")]


def requirements(go_mod: Path) -> dict[str, str]:
    return dict(re.findall(r"^\t(\S+) (v\S+)", go_mod.read_text(encoding="utf-8"), re.MULTILINE))


def direct(go_mod: Path) -> dict[str, str]:
    text = go_mod.read_text(encoding="utf-8")
    return {module: version for module, version in requirements(go_mod).items() if f"{version} // indirect" not in text}


def test_what_generates_and_what_runs_is_of_one_version() -> None:
    tools, *modules = GO_MODULES
    generators = requirements(tools)
    for module in modules:
        assert direct(module)
        assert direct(module).items() <= generators.items(), module


def test_typescripts_generator_and_runtime_are_of_one_version() -> None:
    package = json.loads((clients.ROOT / "proto/clients/typescript/package.json").read_text(encoding="utf-8"))
    assert package["dependencies"]["@bufbuild/protobuf"] == package["devDependencies"]["@bufbuild/protoc-gen-es"]


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    lock = json.loads((clients.ROOT / "proto/clients/typescript/package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_without_a_toolchain_a_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clients.main() == 1
    go, npm = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"gen/go is not made: it needs Go 1\.26 or newer: https://go\.dev/dl, or .+", go)
    assert re.fullmatch(
        r"gen/typescript is not made: it needs Node\.js 20 or newer with npm: https://nodejs\.org, .+", npm
    )
