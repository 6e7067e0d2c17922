"""The plots of a report: SVG that takes its colours from the page around it."""

import sys
from collections.abc import Sequence
from typing import Any

import pygal
from markupsafe import Markup
from pygal.style import Style

from tests.load.cpu import KINDS
from tests.load.results import GRPC, REST, Step

# From now on pygal would look into every import for plugins of its own, in a way that Python warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

# Told apart also where colours are not: by how light they are.
PERCENTILES = {"p50": "#2f9e8f", "p95": "#d98e04", "p99": "#c8372d"}
PROCESSES = dict(zip(KINDS, ("#3b76c4", "#2f9e8f", "#d98e04", "#8a5fb0", "#8c8c8c"), strict=True))
_STROKES = {GRPC: {"width": 3}, REST: {"width": 3, "dasharray": "6, 4"}}
_BAR_HEIGHT = 22
_LEAST_MS = 1
_TICKS_MS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


def latency_plot(steps: Sequence[Step], slowest: float) -> Markup:
    """Percentiles over the rate: gRPC drawn through, REST dashed; up to the same latency in all plots, in ms."""
    lines = [(surface, name) for surface in (GRPC, REST) for name in PERCENTILES]
    chart = pygal.XY(
        style=_style([PERCENTILES[name] for _, name in lines]),
        width=560,
        height=300,
        logarithmic=True,
        range=(_LEAST_MS, max(slowest, 10 * _LEAST_MS)),
        xrange=(0, max(step.rate for step in steps)),
        y_labels=[ms for ms in _TICKS_MS if ms <= slowest],
        x_title="calls a second",
        y_title="ms",
        x_labels=sorted({step.rate for step in steps}),
        x_value_formatter=lambda rate: f"{rate:.0f}",
        value_formatter=lambda ms: f"{ms:g}",
        dots_size=3,
        **_PLAIN,
    )
    for surface, name in lines:
        points = [
            (step.rate, max(round(getattr(step.driven, name) * 1000, 1), _LEAST_MS))
            for step in steps
            if step.surface == surface
        ]
        chart.add(f"{surface} {name}", points, stroke_style=_STROKES[surface])
    return _svg(chart)


def cpu_plot(steps: Sequence[Step], rate: int) -> Markup:
    """CPU by process at one rate, a bar for each scenario and surface."""
    # The first at the top.
    shown = [step for step in reversed(steps) if step.rate == rate]
    chart = pygal.HorizontalStackedBar(
        style=_style(list(PROCESSES.values())),
        width=1240,
        height=70 + _BAR_HEIGHT * len(shown),
        x_title=f"CPU-seconds for 1,000 calls, at {rate} a second",
        x_labels=[f"{step.scenario} · {step.surface}" for step in shown],
        value_formatter=lambda seconds: f"{seconds:.1f}",
        spacing=8,
        **_PLAIN,
    )
    for kind in PROCESSES:
        chart.add(kind, [step.cpu_per_1000(kind) for step in shown])
    return _svg(chart)


# No script, which would come from another host; the page has its own legend.
_PLAIN = {"js": (), "show_legend": False, "margin": 8, "margin_right": 24, "disable_xml_declaration": True}


def _style(colours: Sequence[str]) -> Style:
    """Colours of the page, which has them for light and dark."""
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        colors=tuple(colours),
        font_family="inherit",
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=12,
        title_font_size=12,
        opacity=".9",
        opacity_hover="1",
        transition="0s",
    )


def _svg(chart: pygal.Graph) -> Markup:
    chart.add_xml_filter(_without_script)
    return Markup(chart.render(is_unicode=True))


def _without_script(root: Any) -> Any:
    """What pygal's script, which is not here, would read."""
    for parent in root.iter():
        for script in parent.findall("{*}script"):
            parent.remove(script)
    return root
