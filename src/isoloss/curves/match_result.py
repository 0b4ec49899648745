"""Logged runs side by side at equal train loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short
from isoloss.curves.match_text import verdict
from isoloss.curves.matched_curve import MatchedCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Match", "MatchedRuns"]

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

_MARKS = {"helps": "helps", "hurts": "hurts", "no difference": "same", "cannot tell": "?"}


@dataclass(frozen=True, eq=False)
class MatchedRuns:
    """A run, or the runs of a group, at each train loss.

    Attributes
    ----------
    runs : tuple of str
        The names of the runs.
    curves : tuple of MatchedCurve
        Their smoothed curves.
    step : array, shape (levels,)
        The first step at which the smoothed train loss is at or below each level; NaN if it never
        is. For a group, steps and losses are means over its runs.
    test_loss : array, shape (levels,)
        The smoothed test loss there.
    difference : array, shape (levels,)
        The test loss minus that of the reference at the same train loss; NaN where one of the two
        does not reach the level.
    low, high : array, shape (levels,)
        The ends of the interval of the difference; also NaN where the noise is not known.
    effects : array of str, shape (levels,)
        ``"helps"`` (the test loss is lower than the reference's), ``"hurts"``, ``"cannot tell"``
        (the interval contains 0), ``"no difference"`` (both still have the same rows), ``"not
        reached"`` or ``"reference"``.
    over_seeds : bool
        Whether the intervals include the variation between seeds.
    shared : float
        The last step up to which its rows are those of the reference; 0 if they differ at once.
    """

    runs: tuple[str, ...]
    curves: tuple[MatchedCurve, ...]
    step: Floats
    test_loss: Floats
    difference: Floats
    low: Floats
    high: Floats
    effects: Texts
    over_seeds: bool
    shared: float

    def __repr__(self) -> str:
        reached = int(np.isfinite(self.test_loss).sum())
        runs = ", ".join(self.runs)
        return f"MatchedRuns({runs}: reaches {reached} of {self.test_loss.size} levels)"


@dataclass(frozen=True, eq=False)
class Match:
    """The test losses of runs at equal train loss.

    ``str()`` gives a table and a sentence on each schedule.

    Attributes
    ----------
    levels : array, shape (levels,)
        The train losses, from the highest.
    matched : mapping of str to MatchedRuns
        The runs and groups by name.
    reference : str
        The name of the run or group that others are compared with.
    confidence : float
        The probability with which each interval, by itself, contains the true difference.
    notes : tuple of str
        How the runs were smoothed and compared, a sentence each.
    """

    levels: Floats
    matched: Mapping[str, MatchedRuns]
    reference: str
    confidence: float
    notes: tuple[str, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """A sentence on each run or group but the reference."""
        return tuple(
            verdict(name, each, self.levels, self.reference)
            for name, each in self.matched.items()
            if name != self.reference
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each run or group and level, with None for values that are not known."""
        found = []
        for name, each in self.matched.items():
            for place, level in enumerate(self.levels.tolist()):
                row = {"run": name, "train_loss": level}
                for title in ("step", "test_loss", "difference", "low", "high"):
                    value = float(getattr(each, title)[place])
                    row[title] = value if math.isfinite(value) else None
                found.append(row | {"effect": str(each.effects[place]), "seeds": len(each.runs)})
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the match as values that JSON can hold."""
        return {
            "levels": self.levels.tolist(),
            "reference": self.reference,
            "confidence": self.confidence,
            "runs": {name: list(each.runs) for name, each in self.matched.items()},
            "notes": list(self.notes),
            "verdicts": list(self.verdicts),
            "rows": self.rows(),
        }

    def grid(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the table's head and rows: levels, test losses of the reference, differences."""
        own = self.matched[self.reference].test_loss
        columns = {
            "train loss": [short(level, 5) for level in self.levels],
            f"{self.reference} (test loss)": [short(loss, 5) for loss in own],
        }
        for name, each in self.matched.items():
            if name != self.reference:
                cells = zip(each.difference, each.low, each.high, each.effects, strict=True)
                columns[name] = [_cell(*values) for values in cells]
        return tuple(columns), list(zip(*columns.values(), strict=True))

    def plot(self, width: float | None = None) -> Figure:
        """Draw test loss against train loss, and below it the differences to the reference.

        Parameters
        ----------
        width : float, optional
            The width in inches; by default 7.2.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        from isoloss.curves.match_drawing import draw_match

        return draw_match(self.levels, self.matched, self.reference, width)

    def __str__(self) -> str:
        heads, rows = self.grid()
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (heads, *rows)
        ]
        return "\n".join([*lines, "", *self.verdicts])

    def __repr__(self) -> str:
        ends = f"{short(self.levels[0])} to {short(self.levels[-1])}"
        return (
            f"Match({len(self.matched)} runs at {self.levels.size} train losses from {ends}, "
            f"reference {self.reference!r})"
        )


def _cell(difference: float, low: float, high: float, effect: str) -> str:
    if math.isnan(difference):
        return "-"
    interval = "" if math.isnan(low) else f" ± {(high - low) / 2:.4f}"
    return f"{difference:+.4f}{interval} {_MARKS[effect]}"
