"""Models trained by several schedules, side by side at equal train loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.curves import LossCurve, Match

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TrainedComparison"]


@dataclass(frozen=True, eq=False, repr=False)
class TrainedComparison:
    """Models trained by several schedules, side by side at equal train loss.

    ``str()`` gives the table of `isoloss.curves.Match`, and a sentence on each schedule.

    Attributes
    ----------
    curves : tuple of LossCurve
        Each run, named by its schedule and seed, such as ``"large_seed0"``. Give them to
        `isoloss.curves.fit` for a forecast of other schedules.
    groups : mapping of str to tuple of str
        The names of the runs of each schedule, in the order of seeds.
    match : Match or None
        The test losses of the schedules at equal train loss; None if they cannot be compared.
    diverged : mapping of str to int
        The runs whose loss stopped being finite, and the step at which this was measured. Their
        earlier measurements still count.
    notes : tuple of str
        Sentences about what was left out.
    """

    curves: tuple[LossCurve, ...]
    groups: Mapping[str, tuple[str, ...]]
    match: Match | None
    diverged: Mapping[str, int]
    notes: tuple[str, ...]

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
        return self._matched().plot(width)

    def to_frame(self) -> Any:
        """Return a data frame with a row for each schedule and level.

        Returns
        -------
        pandas.DataFrame
            The columns ``run`` (the schedule), ``train_loss``, ``step``, ``test_loss``,
            ``difference``, ``low``, ``high``, ``effect`` and ``seeds``.
        """
        import pandas as pd

        return pd.DataFrame(self._matched().rows())

    def _matched(self) -> Match:
        if self.match is None:
            raise ValueError(" ".join(self.notes))
        return self.match

    def __str__(self) -> str:
        told = [] if self.match is None else [str(self.match)]
        return "\n".join([*told, *self.notes])

    def __repr__(self) -> str:
        return f"TrainedComparison({len(self.curves)} runs of {', '.join(self.groups)})"
