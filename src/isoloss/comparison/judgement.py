"""Schedules judged at equal train loss, with the uncertainty of the data."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isoloss.comparison.effects import NO_DIFFERENCE, supported_effect
from isoloss.comparison.judgement_text import as_grid, sentence
from isoloss.comparison.overview import WIDTH, aligned
from isoloss.comparison.records import Entry

__all__ = ["Judged", "Judgement"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judged:
    """One schedule against the reference at each level, with intervals.

    Attributes
    ----------
    name : str
        The schedule's name.
    is_reference : bool
        Whether the others are compared with this schedule, which then has no effect of its own.
    difference : array, shape (J, L)
        The test loss divided by the reference's, minus 1, in each split; NaN where the schedule or
        the reference does not reach the level, or the start is at or below it. Given test rows
        count as one split.
    missing : array of int, shape (L,)
        The number of splits in which the schedule or the reference does not reach the level.
    below : array of int, shape (L,)
        The number of splits in which the start is already at or below the level.
    estimate, low, high : array, shape (L,)
        The mean difference and the ends of its interval, the lower of which is at least -1, as a
        loss cannot fall by more than all of it; NaN at levels where some split has no difference.
    """

    name: str
    is_reference: bool
    difference: Floats
    missing: Counts
    below: Counts
    estimate: Floats
    low: Floats
    high: Floats

    @property
    def effects(self) -> tuple[str, ...]:
        """What the intervals support at each level.

        ``"helps"`` or ``"hurts"`` where the interval lies wholly outside the differences that count
        as none, ``"no difference"`` where it lies wholly inside, and ``"cannot tell"`` elsewhere;
        ``"left out"`` at levels without an interval.
        """
        ends = zip(self.low.tolist(), self.high.tolist(), strict=True)
        return tuple(supported_effect(*pair) for pair in ends)

    def __repr__(self) -> str:
        effects = self.effects
        counts = (f"{effects.count(name)} {name}" for name in dict.fromkeys(effects))
        return f"Judged({self.name!r}, {', '.join(counts)})"


@dataclass(frozen=True, eq=False)
class Judgement:
    """Schedules against a reference at equal train loss, with intervals that all hold together.

    Attributes
    ----------
    levels : array, shape (J, L)
        The train losses to stop at, in each split.
    schedules : tuple of Judged
        Each schedule's differences, intervals and effects.
    reference : str or None
        The name of the schedule that the others are compared with; None for gradient flow.
    confidence : float
        The probability that the intervals of all schedules and levels cover their true values.
    method : str
        A sentence on how the intervals were found.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from isoloss.comparison import cross_compare
    >>> X, y = load_diabetes(return_X_y=True)
    >>> annealed = {"annealed": "gd(1.0, 100) > flow"}
    >>> found = cross_compare(X, y, annealed, [0.1, 0.001], unit="excess")
    >>> found.schedules[0].effects
    ('cannot tell', 'no difference')
    """

    levels: Floats
    schedules: tuple[Judged, ...]
    reference: str | None
    confidence: float
    method: str

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """A sentence for each schedule on what the data support."""
        rival = "gradient flow" if self.reference is None else self.reference
        return tuple(
            f"{each.name} is the reference that the others are compared with."
            if each.is_reference
            else sentence(
                each.name,
                rival,
                self.levels[0],
                np.array(each.effects),
                (each.estimate, each.low, each.high),
                (each.missing, each.below, len(self.levels)),
            )
            for each in self.schedules
        )

    @property
    def reading(self) -> str:
        """How the intervals were found, and what counts as a difference."""
        zone = (
            f"Differences up to {100 * NO_DIFFERENCE:g}% count as none (same); where an interval "
            "leaves it open, these data cannot tell (?)."
        )
        varying = " Train losses are those of the first split." * bool(np.ptp(self.levels, 0).any())
        return f"{self.method} {zone}{varying}"

    def grid(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the heads and rows of a table: levels down, schedules across.

        Returns
        -------
        tuple
            The heads, and rows of cells such as ``"-4.1% ± 1.9% helps"``, or with both ends where
            the interval ends at -100 %; ``same`` stands for no difference, and ``?`` for cases that
            the data leave open.
        """
        judged = [each for each in self.schedules if not each.is_reference]
        cells = [(each.name, (each.estimate, each.low, each.high), each.effects) for each in judged]
        return as_grid(self.levels[0], cells)

    def rows(self) -> list[dict[str, Entry]]:
        """Return a row for each schedule and level, in the order of `Comparison.rows`.

        Returns
        -------
        list of dict
            Numbers are None at levels that are left out, and for the reference.
        """
        return [
            {
                "schedule": each.name,
                "level": float(level),
                "reference": self.reference or "gradient flow",
                "splits": len(self.levels),
                "mean_difference": _entry(each.estimate[i]),
                "low": _entry(each.low[i]),
                "high": _entry(each.high[i]),
                "effect": "reference" if each.is_reference else effect,
            }
            for each in self.schedules
            for i, (level, effect) in enumerate(zip(self.levels[0], each.effects, strict=True))
        ]

    def __str__(self) -> str:
        first, *others = (textwrap.fill(each, WIDTH) for each in (self.reading, *self.verdicts))
        return "\n".join([first, *aligned(*self.grid()), "", *others])

    def __repr__(self) -> str:
        splits, levels = self.levels.shape
        return f"Judgement({len(self.schedules)} schedules, {levels} levels, {splits} splits)"


def _entry(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
