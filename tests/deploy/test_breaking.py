"""The check of the contracts against earlier ones, on a repository of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.breaking import main
from deploy.protos import make_image

ROOT = Path(__file__).parents[2]
PROTO = "proto/tessera/token/v1/token.proto"


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def image(root: Path) -> None:
    (root / "gen").mkdir(exist_ok=True)
    make_image(root / "proto", root / "gen/tessera.binpb")


def change(root: Path, old: str, new: str) -> None:
    text = (root / PROTO).read_text(encoding="utf-8")
    assert old in text
    (root / PROTO).write_text(text.replace(old, new), encoding="utf-8")
    image(root)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("gen/\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "nothing yet")
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    image(tmp_path)
    return tmp_path


def test_nothing_to_compare_with(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(repository) == 0
    assert "no earlier protos" in capfd.readouterr().out
    git(repository, "add", ".")
    git(repository, "commit", "-m", "contracts")
    assert main(repository) == 0
    assert "no earlier protos" in capfd.readouterr().out


def test_no_repository(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 0
    assert "no git repository" in capfd.readouterr().out


def test_a_field_that_changed_its_number_is_found_before_and_after_its_commit(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-m", "contracts")
    change(repository, "string token_type = 4;", "string token_type = 44;")
    assert main(repository) != 0
    assert "token_type" in capfd.readouterr().out
    git(repository, "commit", "-am", "break them")
    assert main(repository) != 0


def test_a_new_field_is_fine_and_a_break_since_the_tag_is_not(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-m", "contracts")
    git(repository, "tag", "v1")
    field = "optional string scope = 17;"
    change(repository, field, field + "\n\n  // More.\n  string more = 99;")
    assert main(repository) == 0
    assert capfd.readouterr().out.count("against") == 1
    change(repository, "string token_type = 4;", "string token_type = 44;")
    git(repository, "commit", "-am", "break them")
    git(repository, "commit", "--allow-empty", "-m", "something else")
    assert main(repository) != 0
    assert capfd.readouterr().out.count("against") == 2
