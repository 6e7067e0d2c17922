"""Tables of what was measured."""

from collections.abc import Sequence

from rich import box
from rich.table import Table


def made(title: str, texts: Sequence[str], numbers: Sequence[str], costs: Sequence[str]) -> Table:
    """An empty table.

    Args:
        title: what stands over it.
        texts: columns that say what was measured.
        numbers: columns of rates and times.
        costs: columns of what it cost, set off by their colour.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for name in costs:
        table.add_column(name, justify="right", no_wrap=True, style="cyan")
    return table
