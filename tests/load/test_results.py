"""What is made of the figures: percentiles, which errors are whose, the table and the report."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from tests.load import ghz, report, wrk
from tests.load.cpu import GENERATOR, KINDS
from tests.load.driving import Plan
from tests.load.machine import Machine
from tests.load.results import GRPC, REST, Driven, Measured, Step, percentile
from tests.load.scenarios import read_all
from tests.load.table import problems, table

CPU = dict.fromkeys((*KINDS, GENERATOR), 0.0) | {"token": 0.5}
GOOD = Driven(answered=100, seconds=2.0, p50=0.0051, p95=0.02, p99=0.1234)
SHED = Driven(answered=100, seconds=2.0, p50=0.1, p95=0.2, p99=1.5, errors={"503 unavailable": 3})
WRONG = Driven(answered=90, seconds=2.0, p50=0.1, p95=0.2, p99=0.3, errors={"400 <bad>": 2, "429": 1}, example="why")
STEPS = [
    Step("token_refresh_token", GRPC, 50, GOOD, CPU),
    Step("token_refresh_token", GRPC, 100, SHED, CPU),
    Step("token_refresh_token", REST, 50, GOOD, CPU),
    Step("token_refresh_token", REST, 100, WRONG, CPU),
]


@pytest.mark.parametrize(
    ("count", "percent", "expected"), [(0, 99, 0), (1, 50, 1), (100, 50, 50), (100, 99, 99), (101, 99, 100), (3, 95, 3)]
)
def test_percentile(count: int, percent: float, expected: float) -> None:
    assert percentile(range(1, count + 1), percent) == expected


def test_shed_load_is_no_problem_and_the_rest_is() -> None:
    assert problems(STEPS) == ["token_refresh_token by REST at 100/s: 2 400 <bad>, such as: why"]


@pytest.mark.parametrize(
    ("code", "shed"),
    [
        ("UNAVAILABLE", True),
        ("INTERNAL", False),
        ("503 temporarily_unavailable", True),
        ("500 server_error", False),
        ("ret_code 1008004: The service is unavailable. Try again.", True),
        ("ret_code 1008004: The request has failed due to some unknown error.", False),
        ("broken connection", False),
    ],
)
def test_which_errors_load_explains(code: str, shed: bool) -> None:
    driven = Driven(answered=2, seconds=1, p50=1, p95=1, p99=1, errors={code: 1})
    assert (driven.unexpected == {}) == shed


@pytest.mark.parametrize(
    ("answered", "errors"),
    [(0, {"unanswered": 3}), (2, {"UNAVAILABLE": 2}), (2, {"503 unavailable": 2, "unanswered": 1})],
)
def test_a_step_in_which_nothing_succeeded_is_a_problem_whatever_was_said(
    answered: int, errors: dict[str, int]
) -> None:
    driven = Driven(answered=answered, seconds=1, p50=1, p95=1, p99=1, errors=errors)
    assert driven.unexpected == errors


def test_a_call_that_nobody_answered_is_told() -> None:
    half = {"total": 1e9, "options": {"total": 3}, "details": [{"latency": 2e6, "status": "OK", "error": ""}] * 2}
    driven = ghz.read([half, half])
    assert (driven.answered, driven.errors) == (4, {"unanswered": 2})
    lines = ["Running 1s test", "load\tanswered\t2", "load\tseconds\t0.5", "load\tbroken\t1", "load\texample\t"]
    driven = wrk.read([*lines, "load\tp50\t0.1", "load\tp95\t0.2", "load\tp99\t0.3"], 4)
    assert (driven.answered, driven.errors) == (2, {"broken connection": 1, "unanswered": 1})
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.read(["unable to connect"], 1)


def test_the_table_has_every_figure() -> None:
    console = Console(width=150)
    with console.capture() as captured:
        console.print(table(STEPS))
    rows = [line.split() for line in captured.get().splitlines()]
    assert ["token_refresh_token", "gRPC", "50", "50", "5.1", "20.0", "123", "0", "5.0", *["0.0"] * 5] in rows
    assert any(row[:8] == ["100", "50", "100", "200", "1500", "3", "503", "unavailable"] for row in rows)


def test_the_report_stands_alone(tmp_path: Path) -> None:
    scenarios = [scenario for scenario in read_all() if scenario.name == "token_refresh_token"]
    machine = Machine("2030-01-01", "2 cores", "0.1", "Linux", "abc", {"ghz": "1"})
    file = tmp_path / "report.html"
    report.write(file, machine, Plan(scenarios, (50, 100), 2, 1), Measured(STEPS, CPU))
    page = file.read_text(encoding="utf-8")
    # Every plot is drawn, nothing is fetched, and what a service said is text.
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "src=" not in page
    assert "400 &lt;bad&gt;" in page
    for start in (page.index("<svg"), page.rindex("<svg")):
        ET.fromstring(page[start : page.index("</svg>", start) + len("</svg>")])
    assert "600 calls, 6 errors" in page


def test_plots_leave_imports_alone() -> None:
    assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("pygal")]
