"""The one table of a run."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table

from tests.load.cpu import GENERATOR, KINDS
from tests.load.results import Step

COLUMNS = (*KINDS, GENERATOR)


def table(steps: Sequence[Step]) -> Table:
    """What was measured, a row a step, for a terminal."""
    made = Table(
        title="Load: rate and answers a second; latency in ms; CPU-seconds for each 1,000 calls, by process",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("scenario", "surface"):
        made.add_column(name, no_wrap=True)
    for name in ("rate", "reached", "p50", "p95", "p99"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("errors")
    for name in COLUMNS:
        made.add_column(name, justify="right", no_wrap=True, style="cyan")
    for (scenario, surface), group in itertools.groupby(steps, lambda step: (step.scenario, step.surface)):
        rows = list(group)
        for number, step in enumerate(rows):
            names = (scenario, surface) if number == 0 else ("", "")
            made.add_row(*names, *figures(step), end_section=number == len(rows) - 1)
    return made


def figures(step: Step) -> list[str]:
    """A step's figures, as they are shown."""
    driven = step.driven
    return [
        str(step.rate),
        f"{driven.reached:.0f}",
        *(milliseconds(seconds) for seconds in (driven.p50, driven.p95, driven.p99)),
        told(driven.errors),
        *(f"{step.cpu_per_1000(kind):.1f}" for kind in COLUMNS),
    ]


def milliseconds(seconds: float) -> str:
    """A latency in ms, with three digits that matter."""
    ms = seconds * 1000
    return f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def told(errors: Mapping[str, int]) -> str:
    """Errors by code in one line; `0` where there are none."""
    return ", ".join(f"{count} {code}" for code, count in sorted(errors.items())) or "0"


def problems(steps: Iterable[Step]) -> list[str]:
    """A line for each step with errors that are not shed load."""
    return [
        f"{step.scenario} by {step.surface} at {step.rate}/s: {told(step.driven.unexpected)}"
        + (f", such as: {step.driven.example[:200]}" if step.driven.example else "")
        for step in steps
        if step.driven.unexpected
    ]
