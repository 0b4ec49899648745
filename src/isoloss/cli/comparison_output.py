"""Print a comparison, or write it as report.html, a figure and results.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Grid

from isoloss.cli.commands import print_lines
from isoloss.cli.report_output import plain, write_results
from isoloss.comparison import NO_DIFFERENCE, Comparison, tables
from isoloss.datasets import Split

if TYPE_CHECKING:
    from isoloss.reports.page import HtmlTable

__all__ = ["show", "write"]

_TABLE_WIDTH = 200  # wide enough for every table; a narrow terminal wraps the lines
_MARKS = {"helps": "good", "hurts": "bad"}

_READING = (
    "The levels are train losses, evenly spaced in the log of what is above the smallest train "
    "loss, from the start's (excluded) down to a thousandth of it.",
    "At each level: where the schedule stops; vs flow, the change in test loss against gradient "
    "flow at the same train loss; ridge and band, the test loss of ridge regression and the range "
    "of test losses of all parameters (the level band) at the same train loss.",
    "The step that crosses a level is shortened: all schedules stop at the same train loss.",
    "ridge minimises the train loss plus a penalty α times the sum of squared coefficients; α "
    "times the number of train rows is the alpha of scikit-learn's Ridge.",
)
_VERDICTS = f"Against gradient flow (up to {100 * NO_DIFFERENCE:g}% counts as no difference)"
_BEST = "Best stop on the test data (optimistic, since chosen on it)"
_CAPTION = (
    "Above: test loss against train loss. Below: the difference to gradient flow's test loss at "
    "the same train loss, on grey ground where it counts as none. Markers are the stops for the "
    "levels."
)


def show(rows: Split, found: Comparison) -> None:
    """Print a comparison: a table for each schedule, then a summary."""
    console = Console(highlight=False, markup=False)
    wide = Console(highlight=False, markup=False, width=_TABLE_WIDTH)
    console.print(rows.name, style="bold")
    print_lines(console, (*rows.notes, *found.setting))
    for table in tables(found):
        # a file's path may be long, and readers of a pipe need it on one line
        console.print(f"\n{table.title}", style="bold", soft_wrap=not console.is_terminal)
        grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for head in table.heads:
            folded = head.replace(" ", "\n")
            grid.add_column(folded, justify="right", vertical="bottom")
        for row in table.rows:
            grid.add_row(*row)
        wide.print(grid)
    parts = {"How to read this": _READING, _VERDICTS: found.verdicts, _BEST: found.best_stops}
    for title, lines in parts.items():
        console.print(f"\n{title}", style="bold")
        print_lines(console, lines)


def write(rows: Split, found: Comparison, folder: Path, *, force: bool) -> None:
    """Write report.html, comparison.png and .svg, and results.csv into a folder."""
    from isoloss.comparison.drawing import figure
    from isoloss.reports.page import Picture, Section

    drawing = figure(found)
    sections = [
        Section(_VERDICTS, [plain(line) for line in found.verdicts]),
        Section("Figure", [Picture(drawing, _CAPTION)]),
        Section(_BEST, [plain(line) for line in found.best_stops]),
        Section("Data and levels", [plain(line) for line in (*rows.notes, *found.setting)]),
        Section("Every level", [*_READING, *_tables(found)]),
    ]
    title = f"Learning-rate schedules on {plain(rows.name)}"
    lead = "Least squares, trained by each schedule and stopped at the same train losses."
    results = found.rows()
    write_results(folder, results, drawing, "comparison", title, sections, lead, force=force)


def _tables(found: Comparison) -> list[HtmlTable]:
    from isoloss.reports.page import HtmlTable

    return [
        HtmlTable(
            header=table.heads,
            rows=table.rows,
            caption=plain(table.title),
            marks=[_MARKS.get(effect, "") for effect in stops.effects],
        )
        for table, stops in zip(tables(found), found.schedules, strict=True)
    ]
