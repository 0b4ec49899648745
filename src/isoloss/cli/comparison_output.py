"""Print a comparison as text or JSON, or write it as report.html, a figure and results.csv."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table as Grid

from isoloss._messages.numbers import short, signed_percent
from isoloss.cli.commands import print_lines
from isoloss.cli.report_output import plain, write_results
from isoloss.comparison import NO_DIFFERENCE, Comparison, Judgement, tables
from isoloss.comparison.overview import aligned
from isoloss.comparison.records import finite
from isoloss.datasets import Split

if TYPE_CHECKING:
    from isoloss.reports.page import HtmlTable

__all__ = ["print_json", "show", "write"]

_TABLE_WIDTH = 200  # wide enough for every table; a narrow terminal wraps the lines
_MARKS = {"helps": "good", "hurts": "bad"}

_READING = (
    "The levels are train losses; a count spaces them evenly in the log of the excess over the "
    "smallest train loss, from the start's (excluded) down to a thousandth of it.",
    "Each row shows where the schedule stops. At the same train loss, vs is its test loss relative "
    "to gradient flow's or the reference's, ridge is the test loss of ridge regression, and band "
    "is the range of test losses of all parameters (the level band).",
    "The step that crosses a level is shortened: all schedules stop at the same train loss.",
    "ridge minimises the train loss plus a penalty α times the sum of squared coefficients; α "
    "times the number of train rows is the alpha of scikit-learn's Ridge.",
)
_PAIRS = "Every two schedules at equal train loss, on these test rows alone"
_BEST = "Best stop on the test data (optimistic, since chosen on it)"
_CAPTION = (
    "Above: test loss against train loss. Below: the difference to the test loss of {} at the same "
    "train loss, on grey ground where it counts as none. Markers are the stops for the levels."
)


_ONE_SPLIT = "One split gives no interval, and so no verdict. More --repeats give both."


def show(rows: Split, found: Comparison, judgement: Judgement | None) -> None:
    """Print a comparison: a table for each schedule, then a summary."""
    console = Console(highlight=False, markup=False)
    wide = Console(highlight=False, markup=False, width=_TABLE_WIDTH)
    console.print(rows.name, style="bold")
    print_lines(console, (*rows.notes, *found.notes))
    for table in tables(found):
        # a title may hold a long path, and readers of a pipe need it on one line
        console.print(f"\n{table.title}", style="bold", soft_wrap=not console.is_terminal)
        grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for head in table.heads:
            folded = head.replace(" ", "\n")
            grid.add_column(folded, justify="right", vertical="bottom")
        for row in table.rows:
            grid.add_row(*row)
        wide.print(grid)
    if judgement is not None:
        console.print(f"\n{_together(judgement)}", style="bold")
        for line in aligned(*judgement.grid())[1:]:
            wide.print(line)
    parts = {"How to read this": _reading(judgement), _verdicts(found): _sentences(judgement)}
    parts |= {_PAIRS: tuple(each.sentence for each in found.pairs()), _BEST: found.best_stops}
    for title, lines in parts.items():
        if lines:
            console.print(f"\n{title}", style="bold")
            print_lines(console, lines)


def print_json(rows: Split, found: Comparison, judgement: Judgement | None) -> None:
    """Print the data's name and notes, `Comparison.to_dict` and the judgement as JSON."""
    read = {"data": rows.name, "notes": list(rows.notes)}
    judged = {"verdicts": list(_sentences(judgement)), "rows": _rows(found, judgement)}
    if judgement is not None:
        judged |= {"confidence": judgement.confidence, "intervals": judgement.method}
    typer.echo(json.dumps(read | found.to_dict() | judged, indent=1, allow_nan=False))


def write(
    rows: Split,
    found: Comparison,
    judgement: Judgement | None,
    folder: Path,
    width: float | None,
    *,
    force: bool,
) -> None:
    """Write report.html, comparison.png, .pdf and .svg, and results.csv into a folder."""
    from isoloss.reports.page import Picture, Section

    drawing = found.figure(width, judgement=judgement)
    caption = _CAPTION.format(plain(found.reference or "gradient flow"))
    judged = []
    if judgement is not None:
        caption += f" Shaded: intervals. {judgement.reading}"
        judged = [Section(_together(judgement), [judgement.reading, *_intervals(judgement)])]
    pairs = [Section(_PAIRS, [_pair_table(found)])] if found.pairs() else []
    sections = [
        Section(_verdicts(found), [plain(line) for line in _sentences(judgement)]),
        Section("Figure", [Picture(drawing, caption)]),
        *judged,
        *pairs,
        Section(_BEST, [plain(line) for line in found.best_stops]),
        Section(
            "Data and levels",
            [plain(line) for line in (*rows.notes, *found.notes)],
        ),
        Section("Every level", [*_READING, *_tables(found, judgement)]),
    ]
    title = f"Learning-rate schedules on {plain(rows.name)}"
    lead = "Least squares, trained by each schedule and stopped at the same train losses."
    results = _rows(found, judgement)
    write_results(folder, results, drawing, "comparison", title, sections, lead, force=force)


def _verdicts(found: Comparison) -> str:
    reference = plain(found.reference or "gradient flow")
    return f"Against {reference} (up to {100 * NO_DIFFERENCE:g}% counts as no difference)"


def _pair_table(found: Comparison) -> HtmlTable:
    from isoloss.reports.page import HtmlTable

    heads = ("schedule", "against", "lower at", "higher at", "no difference at", "least", "most")
    rows = []
    for pair in found.pairs():
        there = pair.difference[pair.is_compared]
        ends = (there.min(), there.max()) if there.size else (math.nan, math.nan)
        counts = (pair.lower, pair.higher, pair.same)
        cells = (pair.name, pair.other, *map(str, counts), *map(signed_percent, ends))
        rows.append([plain(cell) for cell in cells])
    caption = "Numbers of levels at which the test loss is lower, higher or no different"
    return HtmlTable(header=heads, rows=rows, caption=caption)


def _tables(found: Comparison, judgement: Judgement | None) -> list[HtmlTable]:
    from isoloss.reports.page import HtmlTable

    effects = [each.effects for each in found.schedules]
    if judgement is not None:
        effects = [each.effects for each in judgement.schedules]
    return [
        HtmlTable(
            header=table.heads,
            rows=table.rows,
            caption=plain(table.title),
            marks=[_MARKS.get(effect, "") for effect in own],
        )
        for table, own in zip(tables(found), effects, strict=True)
    ]


def _intervals(judgement: Judgement) -> list[HtmlTable]:
    """Return a table for each judged schedule, with the ends of its intervals."""
    from isoloss.reports.page import HtmlTable

    heads = ("train loss", "difference", "from", "to", "verdict")
    found = []
    for each in judgement.schedules:
        if each.is_reference:
            continue
        ends = zip(each.estimate, each.low, each.high, strict=True)
        numbers = [tuple(map(signed_percent, three)) for three in ends]
        rows = [
            (short(level, 5), *three, effect)
            for level, three, effect in zip(judgement.levels[0], numbers, each.effects, strict=True)
        ]
        marks = [_MARKS.get(effect, "") for effect in each.effects]
        found.append(HtmlTable(header=heads, rows=rows, caption=plain(each.name), marks=marks))
    return found


def _together(judgement: Judgement) -> str:
    splits = len(judgement.levels)
    return f"Over {splits} splits" if splits > 1 else "Over the test rows"


def _reading(judgement: Judgement | None) -> tuple[str, ...]:
    return _READING if judgement is None else (*_READING, judgement.reading)


def _sentences(judgement: Judgement | None) -> tuple[str, ...]:
    return (_ONE_SPLIT,) if judgement is None else judgement.verdicts


def _rows(found: Comparison, judgement: Judgement | None) -> list[dict[str, Any]]:
    """Return the rows of the comparison, with the effects of the judgement."""
    rows = [finite(row) for row in found.rows()]
    if judgement is None:
        return [row | {"effect": None} for row in rows]
    return [row | judged for row, judged in zip(rows, judgement.rows(), strict=True)]
