"""Print runs at equal train loss as text or JSON, or write them as a report, figure and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from isoloss._messages.numbers import short
from isoloss.cli.commands import print_lines
from isoloss.cli.report_output import plain, write_results
from isoloss.comparison.overview import aligned
from isoloss.curves import Match

__all__ = ["json_text", "show", "write"]

_TABLE_WIDTH = 200  # wide enough for every table; a narrow terminal wraps the lines
_MARKS = {"helps": "good", "hurts": "bad"}
_READING = (
    "Each row is a train loss. A run stops at the first step at which its smoothed train loss is "
    "at or below it, and its smoothed test loss there is compared with that of {}: helps means "
    "that it is lower, hurts that it is higher, ? that the interval contains 0, same that both "
    "still have the same rows, and - that one of them does not reach the level."
)
_CAPTION = (
    "Above: test loss against train loss, as smoothed (lines) and at the levels (markers). Below: "
    "the difference from the test loss of {} at the same train loss, with {}% intervals; markers "
    "are moved aside so that they do not hide each other."
)


def show(found: Match) -> None:
    """Print the table of differences, and what follows from them."""
    console = Console(highlight=False, markup=False)
    wide = Console(highlight=False, markup=False, width=_TABLE_WIDTH)
    console.print(_title(found), style="bold")
    for line in aligned(*found.grid()):
        wide.print(line)
    parts = {_against(found): found.verdicts, "How to read this": _reading(found)}
    for title, lines in parts.items():
        console.print(f"\n{title}", style="bold", soft_wrap=not console.is_terminal)
        print_lines(console, lines)


def json_text(found: Match, notes: Sequence[str]) -> str:
    """Return the match and the notes on reading the runs as JSON."""
    return json.dumps({"reading": list(notes)} | found.to_dict(), indent=1, allow_nan=False)


def write(
    found: Match, notes: Sequence[str], folder: Path, width: float | None, *, force: bool
) -> None:
    """Write report.html, match.png, .pdf and .svg, and results.csv into a folder."""
    from isoloss.reports.page import HtmlTable, Picture, Section

    drawing = found.plot(width)
    caption = _CAPTION.format(plain(found.reference), f"{100 * found.confidence:g}")
    tables = []
    for name, each in found.matched.items():
        numbers = (found.levels, each.step, each.test_loss, each.difference, each.low, each.high)
        rows = [
            (short(level, 5), short(step, 6), short(loss, 5), *map(_signed, ends), effect)
            for (level, step, loss, *ends), effect in zip(
                zip(*numbers, strict=True), each.effects.tolist(), strict=True
            )
        ]
        heads = ("train loss", "step", "test loss", "difference", "from", "to", "verdict")
        marks = [_MARKS.get(effect, "") for effect in each.effects.tolist()]
        title = plain(name if each.runs == (name,) else f"{name}: {', '.join(each.runs)}")
        tables.append(HtmlTable(header=heads, rows=rows, caption=title, marks=marks))
    sections = [
        Section(plain(_against(found)), [plain(line) for line in found.verdicts]),
        Section("Figure", [Picture(drawing, caption)]),
        Section("Every level", [*(plain(line) for line in _reading(found)), *tables]),
        Section("Logs", [plain(line) for line in notes]),
    ]
    write_results(
        folder,
        found.rows(),
        drawing,
        "match",
        _title(found),
        sections,
        "Logged runs, stopped at the same train losses: which one generalizes better there?",
        force=force,
        losses="Losses are those that the runs logged.",
    )


def _title(found: Match) -> str:
    runs = sum(len(each.runs) for each in found.matched.values())
    return f"{runs} runs at equal train loss"


def _against(found: Match) -> str:
    return f"Against {found.reference} ({100 * found.confidence:g}% intervals)"


def _reading(found: Match) -> tuple[str, ...]:
    return (_READING.format(found.reference), *found.notes)


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.4f}"
