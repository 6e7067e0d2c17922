"""`python -m tests.bench`, as the Makefile calls it for `bench-token`, `-account`, `-binding` and `-edge`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import parser

ROOT = Path(__file__).parents[2]


def bench(*arguments: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """Run it, with a folder for what it makes."""
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        check=False,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run_of_grants(tmp_path: Path) -> None:
    done = bench("token", "--seconds", "1", "--chains", "4", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    for grant in ("refresh_token", "jwt-bearer", "client_credentials"):
        for algorithm in ("RS256", "ES256"):
            for surface in ("grpc", "rest"):
                assert re.search(rf"{grant} +{algorithm} +{surface}( +\d+(\.\d+)?){{7}}", done.stdout), done.stdout
    # But for the sockets of a stack whose own folder has too long a name for them.
    assert not list(tmp_path.glob("tessera-bench-*"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run_of_links(tmp_path: Path) -> None:
    small = ("--seconds", "1", "--chains", "4", "--sizes", "2000,1000", "--rounds", "2")
    done = bench("account", *small, tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    calls = ("link a new one", "link it again", "look up an identity", "look up a user", "describe")
    for call in (*calls, "look up 1,000 identities"):
        for size in ("1,000", "2,000"):
            assert re.search(rf"{call} +{size}( +\d+(\.\d+)?){{11}}", done.stdout), done.stdout
    assert not list(tmp_path.glob("tessera-bench-*"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run_of_bindings(tmp_path: Path) -> None:
    small = ("--seconds", "1", "--chains", "4", "--sizes", "10000,20000", "--rounds", "1")
    done = bench("binding", *small, tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    for call in ("bind 1", "bind 20", "query by account", "query by token"):
        for size in ("10,000", "20,000"):
            assert re.search(rf"{call} +{size}( +\d+(\.\d+)?){{12}}", done.stdout), done.stdout
        assert re.search(rf"{call} +just filled( +\d+(\.\d+)?){{8}}", done.stdout), done.stdout
    assert not list(tmp_path.glob("tessera-bench-*"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_run_of_the_edge(tmp_path: Path) -> None:
    done = bench("edge", "--seconds", "0.5", "--chains", "4", "--rounds", "1", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    schemes = {
        "/v2/account/get_link_info": ("acs", "ACS4", "ACS3"),
        "/?Action=DescribeOpenAccount": ("signature 1.0", "ACS3"),
        "/v3/device/account/query": ("Basic", "Sign"),
    }
    through, alone = done.stdout.split("Check alone")
    for call, names in schemes.items():
        assert re.search(rf"{re.escape(call)} +Bearer( +\d+(\.\d+)?){{8}} *\n", through), through
        for name in names:
            assert re.search(rf"{re.escape(call)} +{name}( +-?\d+(\.\d+)?){{11}}", through), through
            limit = 100 if name == "Basic" else 250
            assert re.search(rf"{re.escape(call)} +{name}( +-?\d+(\.\d+)?){{6}} +{limit}\b", alone), alone
    assert not list(tmp_path.glob("tessera-bench-*"))


@pytest.mark.parametrize(("name", "room"), [("account", r"745\d*"), ("binding", r"372\d*")])
def test_more_than_there_is_room_for_is_not_begun(name: str, room: str, tmp_path: Path) -> None:
    done = bench(name, "--sizes", "1000000000000", tmp_path=tmp_path)
    assert done.returncode == 1
    assert re.search(rf"no room: takes about {room}\.\d GiB of the \d+\.\d that are free", done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["token", "account", "binding", "edge"])
def test_help_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        parser().parse_args([name, "--help"])
    assert done.value.code == 0
    assert "CPU-seconds" in capsys.readouterr().out
