"""`python -m tests.load`, as `make load` calls it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.load import ghz, wrk
from tests.load.__main__ import main

ROOT = Path(__file__).parents[2]

needs_generators = pytest.mark.skipif(
    not (ghz.find() and wrk.find()), reason="ghz (`make .venv/.tools`, with Go) or wrk (a system's package) is missing"
)


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.load", "--report", str(folder / "report.html"), *arguments]
    environ = os.environ | {"TMPDIR": str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe, text=True)


def left(folder: Path) -> list[str]:
    """What of a run is still there: processes that have its folder in their command line, and files."""
    processes = psutil.process_iter(["cmdline"])
    lines = [" ".join(each.info["cmdline"] or ()) for each in processes]
    return [line for line in lines if f"{folder}/tessera-load" in line] + [str(each) for each in folder.iterdir()]


@needs_generators
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run(tmp_path: Path) -> None:
    name = "token_refresh_token"
    with begin(tmp_path, "--rates", "20", "--seconds", "1", "--only", name) as process:
        out, problems = process.communicate(timeout=240)
    assert (process.returncode, problems) == (0, "")
    for surface in ("gRPC", "REST"):
        # Scenario, surface, rate, reached, three latencies, no errors.
        assert re.search(rf"{name} +{surface} +20 +\d+( +\d+(\.\d)?){{3}} +0 +\d", out), out
    assert left(tmp_path) == [str(tmp_path / "report.html")]
    assert "40 calls, no errors" in (tmp_path / "report.html").read_text(encoding="utf-8")


@needs_generators
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_ctrl_c(tmp_path: Path) -> None:
    with begin(tmp_path, "--rates", "20", "--only", "get_jwks", "--seconds", "60") as process:
        end = time.monotonic() + 180
        while not any("ghz" in line and "--total 1200" in line for line in left(tmp_path)):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        table, problems = process.communicate(timeout=60)
    assert (process.returncode, table, problems) == (130, "", "stopped before the end: there is no report\n")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--rates", "0"], "--rates: not a whole number above 0: 0"),
        (["--rates", "10,ten"], "--rates: not a whole number above 0: ten"),
        (["--seconds", "-1"], "--seconds: not a number above 0: -1"),
        (["--seconds", "nan"], "--seconds: not a number above 0: nan"),
        (["--seconds", "301"], "--seconds: more than 300: 301"),
        (["--only", "nothing"], "get_jwks"),
    ],
)
def test_a_wrong_argument(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["load", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_missing_generator_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["load"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main() == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.partition(":")[0] for line in told.err.splitlines()] == ["ghz is missing", "wrk is missing"]
