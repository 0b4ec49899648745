"""Print a selection, or write it as report.html, a figure and results.csv."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from isoloss._files import write_text
from isoloss._messages.numbers import short, tenths
from isoloss.cli.commands import print_lines
from isoloss.cli.descriptions import described
from isoloss.cli.report_output import plain, write_results
from isoloss.comparison import Selection
from isoloss.datasets import Split

__all__ = ["show", "write"]

_READING = (
    "Each line is the best of its kind on the validation rows; the test rows have had no part in "
    "the choice.",
    "flow is gradient flow at its best stop, ridge is ridge regression with its best penalty.",
    "best filter is the bound: no schedule of any kind has a lower validation loss. Its test loss "
    "shows what such a choice is worth on new rows.",
    "Rates are multiples of the largest stable one, 1/γ₁; times of flows, too.",
)
_CAPTION = (
    "Left: what each way to train multiplies the residual by, along each direction of the train "
    "covariance. Right: the learning rates of the designed schedules."
)


def show(rows: Split, found: Selection) -> None:
    """Print a selection: a line for each way to train, the schedules, and a summary."""
    console = Console(highlight=False, markup=False)
    console.print(rows.name, style="bold")
    print_lines(console, rows.notes)
    console.print()
    heads, cells = _table(found)
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, head in enumerate(heads):
        grid.add_column(head, justify="right" if i else "left", vertical="bottom")
    for row in cells:
        grid.add_row(*row)
    console.print(grid)
    for title, lines in {
        "How to read this": _READING,
        "Schedules": _schedules(found),
        "Verdict": (found.verdict,),
    }.items():
        console.print(f"\n{title}", style="bold")
        print_lines(console, lines)


def _table(found: Selection) -> tuple[list[str], list[list[str]]]:
    classes = found.flow.test_error is not None
    heads = ["", "train\nloss", "validation\nloss", "test\nloss"]
    heads += ["validation\nerror", "test\nerror"] * classes
    cells = []
    for entry in found.entries:
        losses = (entry.train_loss, entry.validation_loss, entry.test_loss)
        row = [entry.name, *(short(loss, 5) for loss in losses)]
        errors = (entry.validation_error, entry.test_error)
        cells.append(row + [tenths(error) for error in errors if error is not None])
    return heads, cells


def _schedules(found: Selection) -> tuple[str, ...]:
    stable = float(found.problem.max_lr)
    lines = [
        f"{entry.name}: {described(entry.schedule, stable)}"
        for entry in (found.flow, *found.designed)
        if entry.schedule is not None
    ]
    alpha = found.ridge.alpha
    return *lines, f"ridge: penalty α = {short(alpha or 0.0)}"


def write(rows: Split, found: Selection, folder: Path, *, force: bool) -> None:
    """Write report.html, design.png, .pdf and .svg, results.csv and the schedules into a folder."""
    from isoloss.comparison.selection_drawing import figure
    from isoloss.reports.page import HtmlTable, Picture, Section

    drawing = figure(found)
    heads, cells = _table(found)
    heads = [head.replace("\n", " ") for head in heads]
    sections = [
        Section("Verdict", [plain(found.verdict)]),
        Section("Losses", [*_READING, HtmlTable(header=heads, rows=cells)]),
        Section("Figure", [Picture(drawing, _CAPTION)]),
        Section("Schedules", [plain(line) for line in _schedules(found)]),
        Section("Data", [plain(line) for line in rows.notes]),
    ]
    title = f"The schedule for {plain(rows.name)}"
    lead = "Least squares, trained by the best schedule of each family."
    write_results(folder, found.rows(), drawing, "design", title, sections, lead, force=force)
    for entry in found.designed:
        assert entry.schedule is not None
        write_text(folder / f"{entry.name}.json", entry.schedule.to_json())
