"""The result of a comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.overview import as_html, as_text
from isoloss.comparison.pairs import Pair, pairs_of
from isoloss.comparison.records import (
    Entry,
    best_of,
    described,
    differences,
    finite,
    rows_of,
    versions,
)
from isoloss.comparison.referring import known_name, on_grid, referred
from isoloss.comparison.verdicts import best_stop, setting, verdict
from isoloss.comparison.yardsticks import quotient
from isoloss.problems.problem import Problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isoloss.comparison.judgement import Judgement

__all__ = ["Comparison"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Schedules compared at equal train loss; what `compare` returns.

    Attributes
    ----------
    problem : Problem
        The problem.
    levels : array, shape (L,)
        The train losses to stop at, falling.
    schedules : tuple of Stops
        Each schedule's stops.
    flow : Stops
        Gradient flow's stops, which are exactly at the levels.
    curves : tuple of Curve
        The losses of each schedule on a fine grid from the start to the lowest level.
    flow_curve : Stops
        Gradient flow's stops on that grid, with the yardsticks.
    best : tuple of Stop
        Each schedule's best stop on the test data, among the levels, the schedule's end, and a
        fine grid from the start down to a millionth of its excess train loss.
    ridge_best : Stop
        Ridge regression with the penalty that is best on the test data.
    cut_decays : tuple of str
        A sentence for each schedule that is stopped before its rates have fallen.
    missed_levels : tuple of str
        A sentence on why a schedule misses levels, for each schedule that is not just too short for
        some of them.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.compare(problem, {"annealed": il.anneal(1.5, 10)}, levels=[1, 0.1]).verdicts[0]
    "At equal train loss, annealed helps at both levels (test loss 49% to 50% lower than gradient
    flow's; train loss 1.000 to 0.1000, most at 0.1000)."

    Printing shows the test losses at all levels:

    >>> print(il.compare(problem, ["gd(1, 10) > flow", "gd(0.6, 4)"], levels=[10, 0.1]))
    Train loss: 100.00 at the start, 0 at least. Test loss at the start: 100.00.
    2 levels, train losses from 10.000 down to 0.10000.
    Rates and flow times are multiples of the largest stable rate 1/γ₁ = 1.500.
    Test loss at equal train loss: the reference (gradient flow) as a loss; the others as
    differences to it, or as losses where the reference does not reach the level. -: not reached.
    <BLANKLINE>
    train loss  gradient flow  gd(1.0, 10) > flow  gd(0.6, 4)
        10.000         12.774              -41.3%      +15.2%
       0.10000        0.14956              -49.9%       -0.7%
    """

    problem: Problem
    levels: Floats
    schedules: tuple[Stops, ...]
    flow: Stops
    curves: tuple[Curve, ...]
    flow_curve: Stops
    best: tuple[Stop, ...]
    ridge_best: Stop
    cut_decays: tuple[str, ...] = ()
    missed_levels: tuple[str, ...] = ()

    @property
    def setting(self) -> tuple[str, ...]:
        """Sentences on the train losses, the levels, the rates and finished schedules."""
        return setting(self.problem, self.levels, self.schedules)

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences of ``setting``, ``cut_decays`` and ``missed_levels``."""
        return (*self.setting, *self.cut_decays, *self.missed_levels)

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """A sentence for each schedule, comparing it with the reference at equal train loss."""
        return tuple(verdict(stops) for stops in self.schedules)

    @cached_property
    def best_stops(self) -> tuple[str, ...]:
        """A line for each schedule, and for ridge regression, on its best stop on the test data."""
        names = [*(stops.name for stops in self.schedules), "ridge"]
        stops = [*self.best, self.ridge_best]
        return tuple(best_stop(*pair) for pair in zip(names, stops, strict=True))

    @property
    def reference(self) -> str | None:
        """The name of the schedule that the others are compared with; None for gradient flow."""
        return self.flow.reference

    def against(self, name: str) -> Comparison:
        """Compare with one of the schedules instead of gradient flow.

        Parameters
        ----------
        name : str
            The schedule's name, or its text.

        Returns
        -------
        Comparison
            The same stops, with ratios, effects and verdicts against the named schedule, at the
            levels that both reach.

        Raises
        ------
        ValueError
            If no schedule has the name.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
        >>> found = il.compare(problem, ["flow", "gd(1.0, 10) > flow", "gd(0.1, 100)"], [10, 0.1])
        >>> found.against("gd(0.1, 100)").verdicts[1]
        'At equal train loss, gd(1.0, 10) > flow helps at both levels (test loss 42% to 50% lower
        than that of gd(0.1, 100); train loss 10.00 to 0.1000, most at 0.1000).'
        """
        known = known_name(name, [each.name for each in self.schedules])
        (chosen,) = (i for i, each in enumerate(self.schedules) if each.name == known)
        rival, curve = self.schedules[chosen], self.curves[chosen]
        reference = None if rival.is_flow else known
        start = float(self.problem.start_test_loss)
        theirs = np.where(rival.reached, rival.test_loss, np.nan)
        grid = self.flow_curve
        return replace(
            self,
            schedules=tuple(referred(each, theirs, start, reference) for each in self.schedules),
            flow=referred(self.flow, theirs, start, reference),
            curves=tuple(
                replace(
                    each,
                    ratio=quotient(each.test_loss, on_grid(each.train_loss, curve), start),
                )
                for each in self.curves
            ),
            flow_curve=referred(grid, on_grid(grid.train_loss, curve), start, reference),
        )

    def pairs(self) -> tuple[Pair, ...]:
        """Compare every two schedules at equal train loss, the later against the earlier.

        Returns
        -------
        tuple of Pair
            The differences of their test losses at the levels that both reach.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
        >>> found = il.compare(problem, ["gd(0.1, 100)", "gd(1.0, 10) > flow"], levels=[10, 0.1])
        >>> print(found.pairs()[0].sentence)
        gd(1.0, 10) > flow against gd(0.1, 100): test loss lower at 2, higher at 0, no difference
        at 0 of 2 levels (-49.9% to -42.2%).
        """
        return pairs_of(self.schedules, float(self.problem.start_test_loss))

    def figure(self, width: float | None = None, *, judgement: Judgement | None = None) -> Figure:
        """Draw the comparison.

        The upper panel shows test loss against train loss for each schedule and ridge regression,
        over the shaded level band. The lower panel shows the difference to the reference's test
        loss; its grey band marks differences that count as none. Markers show stops at the levels.

        Parameters
        ----------
        width : float, optional
            The width in inches, from 3 to 20; by default 7.2. Text stays readable at every
            width: 3.3 inches fit a column of print.
        judgement : Judgement, optional
            A judgement of the same schedules and levels, for example from `cross_compare`; the
            lower panel shows its intervals as bands, and its means over many splits.

        Returns
        -------
        matplotlib.figure.Figure
            With a legend below the panels. Its ``savefig`` writes PDF, SVG or PNG.

        Raises
        ------
        ValueError
            If the width is out of range.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
        >>> drawing = il.compare(problem, "gd(1.0, 10) > flow").figure(width=3.3)
        >>> print(drawing.get_figwidth())
        3.3
        """
        from isoloss.comparison.drawing import figure

        floor = float(self.problem.min_train_loss)
        return figure(self.flow_curve, self.curves, self.schedules, floor, width, judgement)

    def rows(self) -> list[dict[str, Entry]]:
        """Return a row for each schedule and level, as in ``results.csv``.

        Returns
        -------
        list of dict
            Values are None for the yardsticks of levels that are not reached, and for errors
            without classes. ``ratio`` and ``effect`` are relative to ``reference``.
        """
        return rows_of(self.schedules)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain lists, texts and numbers, for other programs.

        Returns
        -------
        dict
            ``format``, ``version``
                ``"isoloss comparison"``, and the number of this layout, 1.
            ``versions``
                Of isoloss, Python, NumPy and SciPy.
            ``problem``
                ``start_train_loss``, ``min_train_loss``, ``start_test_loss`` and ``max_lr``.
            ``reference``, ``no_difference``
                The name of the reference, and the share of its test loss that counts as no
                difference.
            ``setting``, ``cut_decays``, ``missed_levels``, ``verdicts``, ``best_stops``
                Sentences.
            ``levels``
                The train losses to stop at.
            ``rows``
                The rows of `rows`, one for each schedule and level.
            ``best``
                The best stop on the test data for each schedule, then for ridge regression.
            ``pairs``
                For each pair from `pairs`, ``schedule``, ``against``, ``difference`` (one for each
                level) and ``sentence``.

            None stands for missing values and infinite numbers, such as a test loss that has
            diverged, the time of an endless flow, or the upper end of an unbounded band.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
        >>> plain = il.compare(problem, ["flow", "gd(1.0, 10) > flow"], levels=[0.1]).to_dict()
        >>> plain["rows"][1]["effect"], round(plain["pairs"][0]["difference"][0], 3)
        ('helps', -0.499)
        """
        names = [*(each.name for each in self.schedules), "ridge"]
        return {
            "format": "isoloss comparison",
            "version": 1,
            "versions": versions(),
            "problem": described(self.problem),
            "reference": self.reference or "gradient flow",
            "no_difference": NO_DIFFERENCE,
            "setting": list(self.setting),
            "cut_decays": list(self.cut_decays),
            "missed_levels": list(self.missed_levels),
            "verdicts": list(self.verdicts),
            "best_stops": list(self.best_stops),
            "levels": self.levels.tolist(),
            "rows": [finite(row) for row in self.rows()],
            "best": best_of(names, (*self.best, self.ridge_best)),
            "pairs": [differences(pair) for pair in self.pairs()],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON; ``isoloss compare --json`` prints it.

        Returns
        -------
        str
            JSON, with null in place of NaN and infinite numbers.

        Examples
        --------
        >>> import json
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
        >>> text = il.compare(problem, "gd(1.0, 10) > flow", levels=[0.1]).to_json()
        >>> json.loads(text)["reference"]
        'gradient flow'
        """
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def __str__(self) -> str:
        return as_text(self.notes, self.flow, self.schedules)

    def _repr_html_(self) -> str:
        return as_html(self.notes, self.flow, self.schedules)

    def __repr__(self) -> str:
        return f"Comparison({len(self.schedules)} schedules, {len(self.levels)} levels)"
