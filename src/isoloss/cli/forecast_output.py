"""Print forecasts as text or JSON, or write them as report.html, a figure and CSV files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from isoloss._files import write_text
from isoloss._messages.numbers import percent, short
from isoloss._version import __version__
from isoloss.cli.commands import print_lines
from isoloss.cli.forecast_plans import BEST
from isoloss.cli.forecasting import Forecasting
from isoloss.cli.report_output import plain, write_results
from isoloss.curves.law_summary import parameter_lines, parameter_rows

if TYPE_CHECKING:
    from isoloss.reports.page import HtmlTable

__all__ = ["json_text", "show", "write"]

_TABLE_WIDTH = 200  # wide enough for every table; a narrow terminal wraps the lines
_CAPTION = (
    "Above: the learning rates. Below: forecasts as lines, with intervals along the run or at its "
    "end, and the fitted runs as points."
)
_READING = (
    "The interval is for the loss that a run would log at its last step. Differences have "
    "intervals of their own, since the uncertainty of the fit moves all losses together."
)
_LEAD = (
    "A law of loss curves, fitted to logged runs: a power-law spectrum of signal and of gradient "
    "noise, under the filter of the learning rates."
)


def show(found: Forecasting) -> None:
    """Print the law, a table of final losses, and what follows from them."""
    console = Console(highlight=False, markup=False)
    wide = Console(highlight=False, markup=False, width=_TABLE_WIDTH)
    first, *others = parameter_lines(found.law)
    console.print(first, style="bold", soft_wrap=not console.is_terminal)
    for line in others:
        wide.print(line)
    if found.notes:
        console.print("\nNotes", style="bold")
        print_lines(console, found.notes)
    console.print(f"\n{_title(found)}", style="bold")
    heads, rows = _table(found)
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, head in enumerate(heads):
        grid.add_column(head, justify="right" if place else "left")
    for row in rows:
        grid.add_row(*row)
    wide.print(grid)
    for title, lines in {
        "How to read this": _reading(found),
        "Result": _result(found),
        "Next run": _next_run(found),
    }.items():
        console.print(f"\n{title}", style="bold")
        print_lines(console, lines)


def json_text(found: Forecasting) -> str:
    """Return the law, the runs, the notes and the forecasts as JSON."""
    law, compared, after = found.law, found.comparison, found.after
    return json.dumps(
        {
            "isoloss": __version__,
            "law": law.to_dict(),
            "summary": law.summary(),
            "runs": [
                {
                    "name": run.name,
                    "rows": int(run.rows(law.target)[0].size),
                    "steps": run.steps,
                    "peak": run.peak,
                    "notes": list(run.notes),
                }
                for run in found.runs
            ],
            "after": None if after is None else {"name": after.name, "steps": after.steps},
            "notes": list(found.notes),
            "forecasts": [
                row
                | {
                    "notes": list(each.notes),
                    "curve": {
                        key: getattr(each, key).tolist() for key in ("step", "loss", "low", "high")
                    },
                }
                for row, each in zip(_rows(found), compared.forecasts.values(), strict=True)
            ],
            "best": compared.best,
            "best_rates": None if found.best is None else found.best.learning_rates().tolist(),
            "next_run": {
                "name": found.next_run.name,
                "steps": found.next_run.schedule.steps,
                "others": dict(found.next_run.others),
                "fit_uncertainty_now": found.next_run.now,
                "fit_uncertainty_afterwards": found.next_run.afterwards,
            },
        },
        indent=1,
        allow_nan=False,
    )


def write(found: Forecasting, folder: Path, *, force: bool) -> list[str]:
    """Write the report, the figure and the tables into a folder; return the names of the files."""
    from isoloss.curves.drawing import draw_forecasts
    from isoloss.reports.page import HtmlTable, Picture, Section

    law, forecasts = found.law, list(found.comparison.forecasts.values())
    drawing = draw_forecasts(forecasts, found.runs, law.target)
    heads, rows = _table(found)
    sections = [
        Section("Result", [plain(line) for line in _result(found)]),
        Section(
            "Final losses",
            [
                HtmlTable(header=heads, rows=[[plain(cell) for cell in row] for row in rows]),
                *(plain(line) for line in _reading(found)),
            ],
        ),
        Section("Figure", [Picture(drawing, _CAPTION)]),
        Section("The law", _law_parts(found)),
        Section("Next run", [plain(line) for line in _next_run(found)]),
        Section("Notes", [plain(line) for line in found.notes]),
    ]
    write_results(
        folder,
        _rows(found),
        drawing,
        "forecast",
        _title(found),
        sections,
        _LEAD,
        force=force,
        losses="Losses are those that the runs logged.",
    )
    names = ["report.html", "the figure", "results.csv", "curves.csv"]
    write_text(folder / "curves.csv", _curves(found))
    if found.best is not None:
        start = 0 if found.after is None else found.after.steps
        rates = found.best.learning_rates().tolist()
        lines = [f"{start + done},{rate!r}" for done, rate in enumerate(rates, start=1)]
        write_text(folder / "best.csv", "\n".join(["step,lr", *lines, ""]))
        names.append("best.csv")
    return names


def _law_parts(found: Forecasting) -> list[str | HtmlTable]:
    """Return the summary of the law, with its parameters as a table."""
    from isoloss.reports.page import HtmlTable

    lines = [line for line in parameter_lines(found.law) if line and line[0] != " "]
    heads = ("parameter", "value", "standard deviation", "meaning")
    table = HtmlTable(header=heads, rows=parameter_rows(found.law))
    return [*lines[:2], table, *map(plain, lines[2:])]


def _title(found: Forecasting) -> str:
    losses = "test loss" if found.law.target == "test_loss" else "loss"
    return f"Final {losses}, forecast from {_several(len(found.law.runs), 'run')}"


def _table(found: Forecasting) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the cells of the table of final losses, the lowest first."""
    confidence = f"{100 * _confidence(found):g}%"
    heads = [
        "schedule",
        "steps",
        "peak rate",
        "final loss",
        f"{confidence} interval",
        "above the lowest",
    ]
    cells = []
    for row in sorted(_rows(found), key=lambda row: row["loss"]):
        above = "the lowest"
        if row["schedule"] != found.comparison.best:
            ends = f"{row['above_low']:+.4f} to {row['above_high']:+.4f}"
            above = f"{row['above_best']:+.4f} ({ends})"
        interval = f"{short(row['low'])} to {short(row['high'])}"
        numbers = (str(row["steps"]), f"{row['peak']:.3g}", short(row["loss"], 5))
        cells.append([row["schedule"], *numbers, interval, above])
    return heads, cells


def _rows(found: Forecasting) -> list[dict[str, Any]]:
    """Return a row of plain numbers for each schedule, in the order of the forecasts."""
    rows = []
    for name, each in found.comparison.forecasts.items():
        loss, low, high = each.final
        above = found.comparison.differences[name]
        rows.append(
            {
                "schedule": name,
                "steps": int(each.step[-1]),
                "peak": float(each.rates.max()),
                "loss": loss,
                "low": low,
                "high": high,
                "confidence": each.confidence,
                "above_best": above.loss,
                "above_low": above.low,
                "above_high": above.high,
            }
        )
    return rows


def _reading(found: Forecasting) -> list[str]:
    lines = [_READING, found.names]
    return [line for line in lines if line]


def _result(found: Forecasting) -> tuple[str, ...]:
    compared = found.comparison
    loss, low, high = compared.forecasts[compared.best].final
    confidence = f"{100 * _confidence(found):g}%"
    lines = [
        f"The lowest forecast is that of {compared.best}: {short(loss, 5)} at its end, "
        f"{confidence} interval {short(low)} to {short(high)}."
    ]
    others = {name: each for name, each in compared.differences.items() if name != compared.best}
    if found.best is not None:
        lines += [
            f"It ends {each.loss:.4f} ({percent(each.loss / compared.forecasts[name].final[0])}) "
            f"below {name}: {confidence} interval {each.low:+.4f} to {each.high:+.4f}."
            for name, each in others.items()
        ]
    unclear = [name for name, each in others.items() if each.low <= 0]
    if unclear:
        lines.append(f"There may be no difference from {', '.join(unclear)}: 0 is in the interval.")
    if found.best is not None:
        lines.append(_described(found.best.learning_rates()))
    return tuple(lines)


def _described(rates: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Return the rates of the best schedule at each tenth of its steps."""
    places = np.linspace(0, rates.size - 1, 11).round().astype(int)
    shown = ", ".join(f"{rate:.2g}" for rate in rates[places])
    return f"Rates of {BEST} at its first step, after each tenth and at its last step: {shown}."


def _next_run(found: Forecasting) -> tuple[str, ...]:
    best, after = found.comparison.best, found.next_run
    return (
        f"Of the runs of up to {found.budget} steps, the most useful is: {after.name}. "
        f"If it is fitted too, the uncertainty of the fit in the final loss of {best} falls from "
        f"{percent(after.now)} to {percent(after.afterwards)} (standard deviations).",
    )


def _curves(found: Forecasting) -> str:
    """Return the forecasts along the runs as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["schedule", "step", "lr", "loss", "low", "high"])
    for name, each in found.comparison.forecasts.items():
        lr = each.rates[each.step - 1]
        columns = (array.tolist() for array in (each.step, lr, each.loss, each.low, each.high))
        writer.writerows((name, *row) for row in zip(*columns, strict=True))
    return text.getvalue()


def _confidence(found: Forecasting) -> float:
    return found.comparison.forecasts[found.comparison.best].confidence


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
