"""The folder of secrets: private, whole, and never written over."""

import base64
import fcntl
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from tessera.client.certificates import Watched

from services.runtime.env import load
from services.runtime.settings import DatabaseSettings
from services.token.identities import Identities

ROOT = Path(__file__).parents[2]


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.secrets", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_all_of_them_are_made_readable_in_a_folder_that_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "secrets"
    made = run(folder)
    assert (made.returncode, made.stderr) == (0, "")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    closed = {path for path in files(folder) if stat.S_IMODE(path.stat().st_mode) != 0o444}
    assert closed == {folder / "tls" / "authority.key"}
    assert stat.S_IMODE((folder / "tls" / "authority.key").stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_dir()} == {0o755}
    keys = {base64.b64decode((folder / name).read_text()) for name in ("master_key", "account_master_key")}
    assert [len(key) for key in keys] == [32, 32]
    assert Identities.read(folder)
    for path in files(folder):
        place = path if path.parent == folder else path.parent
        assert str(place.relative_to(folder)) in made.stdout
        assert path.read_text() not in made.stdout


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_each_process_has_a_certificate_of_its_own(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "secrets"
    before = os.umask(umask)
    try:
        assert run(folder).returncode == 0
    finally:
        os.umask(before)
    authority = x509.load_pem_x509_certificate((folder / "tls" / "authority.crt").read_bytes())
    for name in ("gateway", "token", "account", "binding", "operator"):
        own = folder / "tls" / name
        pems = Watched(own).pems
        certificate = x509.load_pem_x509_certificate(pems.chain)
        certificate.verify_directly_issued_by(authority)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert named.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://tessera/{name}"]
        assert named.get_values_for_type(x509.DNSName) == [name]
        assert pems.authorities == (folder / "tls" / "authority.crt").read_bytes()
        assert {stat.S_IMODE(path.stat().st_mode) for path in (own, *own.iterdir())} == {0o755, 0o444}


def test_a_certificate_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in files(tmp_path)}
    for name in ("tls.crt", "tls.key"):
        (tmp_path / "tls" / "token" / name).unlink()
    assert run(tmp_path).stdout.endswith("made tls/token\n")
    changed = {path for path, content in before.items() if path.read_bytes() != content}
    assert changed == {tmp_path / "tls" / "token" / name for name in ("tls.crt", "tls.key")}


def test_certificates_of_somebody_else_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("gateway", "token", "account", "binding", "operator"):
        (tmp_path / "tls" / name).mkdir(parents=True)
        for file in ("ca.crt", "tls.crt", "tls.key"):
            (tmp_path / "tls" / name / file).write_text("mine")
    assert run(tmp_path).returncode == 0
    assert {path.read_text() for path in files(tmp_path / "tls")} == {"mine"}
    (tmp_path / "tls" / "token" / "tls.key").unlink()
    refused = run(tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "go together" in refused.stderr


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "token_password").write_text("mine/+@\n")
    assert run(tmp_path).returncode == 0
    assert "token:mine%2F%2B%40@postgres:5432" in (tmp_path / "token_dsn").read_text()
    before = {path: path.read_bytes() for path in files(tmp_path)}
    again = run(tmp_path, "--host", "other")
    assert again.stdout.endswith("nothing was missing\n")
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


def test_what_is_there_and_closed_is_opened_to_the_containers(tmp_path: Path) -> None:
    """As an editor leaves it; but not what is another's, behind a link."""
    folder, elsewhere = tmp_path / "secrets", tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    elsewhere.write_text("mine")
    (folder / "token_password").write_text("mine")
    (folder / "account_password").symlink_to(elsewhere)
    for path in (elsewhere, folder / "token_password"):
        path.chmod(0o600)
    assert run(folder).returncode == 0
    assert stat.S_IMODE((folder / "token_password").stat().st_mode) == 0o444
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600


def test_a_folder_that_is_open_to_others_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    refused = run(tmp_path)
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"secrets: {tmp_path} is open to others: name a folder that is not there, or `chmod 700` this one\n"
    )
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert not list(tmp_path.iterdir())


def test_one_waits_for_another(tmp_path: Path) -> None:
    """Two at once would make a password and another's DSN."""
    command = [sys.executable, "-m", "deploy.secrets", str(tmp_path)]
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with subprocess.Popen(command, cwd=ROOT) as second:
        while not re.search(rf"-> FLOCK .* {second.pid} ", Path("/proc/locks").read_text(encoding="ascii")):
            assert second.poll() is None, "it did not wait"
            time.sleep(0.05)
        assert not list(tmp_path.iterdir())
        os.close(descriptor)
        assert second.wait() == 0
    assert (tmp_path / "token_password").read_text() in (tmp_path / "token_dsn").read_text()


@pytest.mark.parametrize("left", ["empty", "leads nowhere"])
def test_a_file_without_a_value_is_one_line(tmp_path: Path, left: str) -> None:
    path = tmp_path / "token_password"
    path.touch() if left == "empty" else path.symlink_to(tmp_path / "gone")
    refused = run(tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "token_password" in refused.stderr


@pytest.mark.parametrize("service", ["token", "account", "binding"])
def test_a_dsn_is_what_a_service_reads(tmp_path: Path, service: str) -> None:
    assert run(tmp_path, "--host", "db.example.com", "--port", "6432", "--sslmode", "require").returncode == 0
    dsn = load(DatabaseSettings, {"TESSERA_DSN_FILE": str(tmp_path / f"{service}_dsn")}).dsn
    password = (tmp_path / f"{service}_password").read_text()
    assert dsn == f"postgresql://{service}:{password}@db.example.com:6432/tessera?sslmode=require"


def test_an_identity_that_is_no_good_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "operator_client_secret").write_text("guessed")
    refused = run(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("secrets: a client secret is 32 or more")
    assert refused.stderr.count("\n") == 1
