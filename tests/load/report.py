"""The report of a run: one HTML file that needs no other."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from tests.load.cpu import KINDS
from tests.load.driving import Plan
from tests.load.machine import Machine
from tests.load.plots import PERCENTILES, PROCESSES, cpu_plot, latency_plot
from tests.load.results import Measured, Step
from tests.load.table import COLUMNS, figures


@dataclass(frozen=True)
class _Group:
    """A scenario's part of the report."""

    name: str
    about: str
    rpc: str
    path: str
    plot: Markup
    rows: list[list[str]]


def write(path: Path, machine: Machine, plan: Plan, measured: Measured) -> None:
    """Write the report.

    Args:
        path: the file; one that is there is replaced.
        machine: where the run was made.
        plan: what was to be measured.
        measured: what was, all of it.
    """
    steps = measured.steps
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        machine=machine,
        plan=plan,
        idle={kind: f"{measured.idle[kind] * 1000:.0f}" for kind in KINDS},
        groups=_groups(plan, steps),
        columns=COLUMNS,
        percentiles=PERCENTILES,
        processes=PROCESSES,
        cpu_plot=cpu_plot(steps, plan.rates[-1]),
        errors=sum(sum(step.driven.errors.values()) for step in steps),
        calls=sum(plan.calls(step.rate) for step in steps),
    )
    path.write_text(page, encoding="utf-8")


def _groups(plan: Plan, steps: Sequence[Step]) -> list[_Group]:
    described = {scenario.name: scenario for scenario in plan.scenarios}
    slowest = max(step.driven.p99 for step in steps) * 1000
    groups = []
    for name, of_scenario in itertools.groupby(steps, lambda step: step.scenario):
        scenario, measured = described[name], list(of_scenario)
        groups.append(
            _Group(
                name=name,
                about=scenario.about,
                rpc=scenario.rpc.removeprefix("tessera."),
                path=f"{scenario.rest.method} {scenario.rest.path}",
                plot=latency_plot(measured, slowest),
                rows=[[step.surface, *figures(step)] for step in measured],
            )
        )
    return groups
