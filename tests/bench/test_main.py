"""`python -m tests.bench`, as `make bench-token` calls it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--seconds", "1", "--chains", "4"]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for grant in ("refresh_token", "jwt-bearer", "client_credentials"):
        for algorithm in ("RS256", "ES256"):
            for surface in ("grpc", "rest"):
                assert re.search(rf"{grant} +{algorithm} +{surface}( +\d+(\.\d+)?){{7}}", done.stdout), done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_it_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--help"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "CPU-seconds" in done.stdout
