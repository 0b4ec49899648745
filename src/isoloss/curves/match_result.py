"""Logged runs side by side at equal train loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Match", "Matched"]

Floats = npt.NDArray[np.float64]
Verdict = Literal["lower", "higher", "cannot tell", "reference"]


@dataclass(frozen=True, eq=False)
class Matched:
    """A run, or the runs of a group, at each train loss.

    Attributes
    ----------
    runs : tuple of str
        The names of the runs.
    step : array, shape (levels,)
        The first step at which the train loss is at the level; the mean over the runs of a group.
    test_loss : array, shape (levels,)
        The smoothed test loss there.
    difference : array, shape (levels,)
        How much higher it is than that of the reference.
    low, high : array, shape (levels,)
        The ends of the interval of the difference.
    """

    runs: tuple[str, ...]
    step: Floats
    test_loss: Floats
    difference: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, repr=False, eq=False)
class Match:
    """The test losses of runs at equal train loss.

    Attributes
    ----------
    levels : array, shape (levels,)
        The train losses, from the highest.
    matched : mapping of str to Matched
        The runs and groups by name.
    reference : str
        The name of the one that others are compared with.
    confidence : float
        The probability of intervals.
    smoothing : mapping of str to (int, int)
        Through how many rows the local lines go that smooth the train and the test loss of each
        run; 1 where they are not smoothed.
    """

    levels: Floats
    matched: Mapping[str, Matched]
    reference: str
    confidence: float
    smoothing: Mapping[str, tuple[int, int]]

    def verdict(self, name: str, level: int) -> Verdict:
        """Return whether a test loss is lower or higher than that of the reference.

        Parameters
        ----------
        name : str
            The run or group.
        level : int
            The number of the level, from 0.

        Returns
        -------
        {"lower", "higher", "cannot tell", "reference"}
            "cannot tell" where the interval of the difference holds 0.
        """
        if name == self.reference:
            return "reference"
        found = self.matched[name]
        if found.high[level] < 0:
            return "lower"
        return "higher" if found.low[level] > 0 else "cannot tell"

    def sentences(self) -> list[str]:
        """Return a sentence on each run or group, at the lowest level."""
        last = self.levels.size - 1
        train = short(float(self.levels[last]))
        found = []
        for name, each in self.matched.items():
            if name == self.reference:
                continue
            amount = short(abs(float(each.difference[last])), 3)
            ends = f"{each.low[last]:+.3g} to {each.high[last]:+.3g}"
            verdict = self.verdict(name, last)
            if verdict == "cannot tell":
                found.append(
                    f"At the train loss {train}, the logs do not tell whether '{name}' or "
                    f"'{self.reference}' generalizes better (difference {ends})."
                )
                continue
            better = "better" if verdict == "lower" else "worse"
            found.append(
                f"At the train loss {train}, '{name}' generalizes {better} than "
                f"'{self.reference}': its test loss is {amount} {verdict} ({ends})."
            )
        return found

    def plot(self) -> Figure:
        """Draw the test loss against the train loss.

        Returns
        -------
        matplotlib.figure.Figure
            A line for each run or group, with its intervals about the reference.
        """
        from isoloss.curves.match_drawing import draw_match

        return draw_match(self.levels, self.matched, self.reference)

    def __str__(self) -> str:
        width = max(map(len, self.matched))
        lines = []
        for index, level in enumerate(self.levels):
            lines.append(f"train loss {short(float(level))}")
            for name, each in self.matched.items():
                verdict = self.verdict(name, index)
                more = ""
                if name != self.reference:
                    more = (
                        f"  {each.difference[index]:+.4f} ({each.low[index]:+.4f} to "
                        f"{each.high[index]:+.4f})"
                    )
                lines.append(
                    f"  {name:{width}}  step {each.step[index]:8.0f}  test loss "
                    f"{short(float(each.test_loss[index])):>7}{more}  {verdict}"
                )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"Match({len(self.matched)} runs at {self.levels.size} train losses from "
            f"{short(float(self.levels[0]))} to {short(float(self.levels[-1]))})"
        )
