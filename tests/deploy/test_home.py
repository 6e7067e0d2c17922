"""The data folder."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.errors import CannotRun
from deploy.local.home import Home, write_private

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from deploy.local.home import Home
with Home(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_is_private_also_where_it_was_not(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    home = Home(tmp_path / "home")
    home.make_key()
    assert {mode(folder) for folder in (home.path, home.log, home.run(), home.state("token"))} == {0o700}
    assert mode(home.key) == 0o600


@pytest.mark.parametrize("place", ["file/home", "file"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun) as refused:
        Home(tmp_path / place)
    assert len(refused.value.problems) == 1
    assert f"cannot use {tmp_path / place}" in refused.value.problems[0]
    assert "TESSERA_HOME" in refused.value.problems[0]


def test_a_folder_that_not_even_root_can_write_is_one_line() -> None:
    with pytest.raises(CannotRun, match=r"cannot use /proc/tessera: No such file or directory; TESSERA_HOME"):
        Home(Path("/proc/tessera"))


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CannotRun, match=f"is in use by process {holder.pid}"), home.lock():
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (tmp_path / "lock").read_text(encoding="ascii") == f"{holder.pid}\n"
    with home.lock():
        assert (tmp_path / "lock").read_text(encoding="ascii") == f"{os.getpid()}\n"


def test_sockets_of_a_deep_folder_stand_in_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Path("/tmp") / f"t{os.getpid()}"
    short.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(short))
    home = Home(tmp_path / ("deep" * 25))
    try:
        run = home.run()
        assert run.parent == short
        assert mode(run) == 0o700
        assert home.run() == run
        run.chmod(0o755)
        with pytest.raises(CannotRun, match="not a private folder"):
            home.run()
        run.rmdir()
        run.symlink_to(tmp_path)
        with pytest.raises(CannotRun, match="not a private folder"):
            home.run()
        run.unlink()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("long" * 25)))
        with pytest.raises(CannotRun, match="too long for Unix sockets"):
            home.run()
    finally:
        short.rmdir()


def test_the_key_is_made_once_and_missed_where_it_was_lost(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_key()
    made = home.key.read_text(encoding="ascii")
    home.make_key()
    assert home.key.read_text(encoding="ascii") == made
    home.postgres.mkdir()
    home.key.unlink()
    with pytest.raises(CannotRun, match="key is missing"):
        home.make_key()


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert mode(path) == 0o600
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotRun):
        write_private(tmp_path / "folder", "text")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "folder"}
