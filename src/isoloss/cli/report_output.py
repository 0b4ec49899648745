"""Write the results of compare, design and forecast: report.html, a figure and results.csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss._files import prepare_folder, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isoloss.reports.page import Section

__all__ = ["plain", "write_results"]


def write_results(
    folder: Path,
    rows: list[dict[str, Any]],
    drawing: Figure,
    name: str,
    title: str,
    sections: list[Section],
    lead: str,
    *,
    force: bool,
    losses: str = "",
) -> None:
    """Write the rows as results.csv, the named figure, and the report.

    ``losses`` says what the losses are, if they are no mean squared errors.
    """
    from isoloss.reports.page import write_report
    from isoloss.reports.plotting import save

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    prepare_folder(folder, force=force)
    write_text(folder / "results.csv", text.getvalue())
    save(drawing, folder, name, ("png", "pdf", "svg"))
    svgs = {drawing: (folder / f"{name}.svg").read_bytes()}
    write_report(folder / "report.html", title, sections, lead=lead, losses=losses, svgs=svgs)


def plain(text: str) -> str:
    """Return text without dollar signs, which would turn column names into formulas."""
    return text.replace("$", "＄")
