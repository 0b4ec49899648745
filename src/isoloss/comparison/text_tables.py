"""A comparison as tables of text, for the terminal and the report."""

from __future__ import annotations

from typing import NamedTuple

from isoloss._messages.numbers import short, signed_percent, tenths
from isoloss.comparison.outcomes import Stops
from isoloss.comparison.result import Comparison

__all__ = ["TextTable", "tables"]

_DIGITS = 5


class TextTable(NamedTuple):
    """A table: its title, the heads of its columns, and its rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(comparison: Comparison) -> tuple[TextTable, ...]:
    """Return one table for each schedule, with a row for each level.

    Parameters
    ----------
    comparison : Comparison
        The comparison to show.

    Returns
    -------
    tuple of TextTable
        Losses to 5 digits; a dash where there is nothing to show.

    Examples
    --------
    >>> import isoloss as il
    >>> from isoloss.comparison import compare
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> table = tables(compare(problem, {"annealed": il.anneal(1.5, 10)}, levels=1))[0]
    >>> for pair in zip(table.heads, table.rows[0]):
    ...     print(*pair, sep=": ")
    level: 0.10000
    steps: 10
    flow time: 1.6256
    train loss: 0.10000
    test loss: 0.075000
    vs flow: -49.9%
    ridge: 0.12425
    band low: 0.075000
    band high: 0.15000
    """
    return tuple(_table(stops) for stops in comparison.schedules)


def _table(stops: Stops) -> TextTable:
    columns = {
        "level": [short(v, _DIGITS) for v in stops.levels],
        "steps": [str(v) for v in stops.steps],
        "flow time": [short(v, _DIGITS) for v in stops.time],
        "largest rate": [short(v, 3) for v in stops.largest_rate],
        "train loss": [short(v, _DIGITS) for v in stops.train_loss],
        "test loss": [short(v, _DIGITS) for v in stops.test_loss],
    }
    if stops.test_error is not None:
        columns["test error"] = [tenths(v) for v in stops.test_error]
    if not stops.is_reference:
        rival = "flow" if stops.reference is None else "reference"
        columns[f"vs {rival}"] = [signed_percent(v - 1) for v in stops.ratio]
    columns |= {
        "ridge": [short(v, _DIGITS) for v in stops.ridge_test_loss],
        "band low": [short(v, _DIGITS) for v in stops.lowest],
        "band high": [short(v, _DIGITS) for v in stops.highest],
    }
    if not stops.is_finished:
        del columns["largest rate"]
    count = int(stops.reached.sum())
    title = f"{stops.name}: reaches {count} of {len(stops.levels)} levels"
    return TextTable(title, tuple(columns), tuple(zip(*columns.values(), strict=True)))
