"""Judge schedules from test losses at equal train loss, over splits or over test rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.comparison.intervals import (
    CONFIDENCE,
    Intervals,
    bootstrap_intervals,
    resampled_intervals,
)
from isoloss.comparison.judgement import Judged, Judgement
from isoloss.comparison.level_losses import Compared, SplitLosses
from isoloss.comparison.referring import known_name
from isoloss.comparison.verdicts import expectation
from isoloss.comparison.yardsticks import quotient
from isoloss.levels.grid import Levels
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Comparable, read_comparables

__all__ = ["Asked", "Schedules", "judged_over_rows", "judged_over_splits"]

Floats = npt.NDArray[np.float64]
Schedules = Comparable | Mapping[str, Comparable] | Iterable[Comparable]


@dataclass(frozen=True, eq=False)
class Asked:
    """What to compare: schedules by name, levels, and the reference (None for gradient flow)."""

    schedules: dict[str, Compared]
    levels: Levels
    against: str | None

    @classmethod
    def read(
        cls, schedules: Schedules, levels: Any, unit: str = "absolute", against: str | None = None
    ) -> Asked:
        """Read the arguments of users, and sort the levels from high to low."""
        named = read_comparables(schedules)
        asked = Levels.read(levels, unit)
        falling = replace(asked, values=np.sort(asked.values)[::-1])
        known = None if against is None else known_name(against, list(named))
        return cls(named, falling, known)

    @property
    def rival(self) -> int:
        """The index of the reference among the schedules; for gradient flow, their number."""
        names = list(self.schedules)
        if self.against is None or self._is_flow[names.index(self.against)]:
            return len(names)
        return names.index(self.against)

    @property
    def references(self) -> list[bool]:
        """Whether each schedule is the reference."""
        rival = self.rival
        if rival == len(self.schedules):
            return self._is_flow
        return [i == rival for i in range(len(self.schedules))]

    @property
    def reference(self) -> str | None:
        """The reference's name; None for flow."""
        return [*self.schedules, None][self.rival]

    @property
    def comparisons(self) -> int:
        """The number of means in the report: one per level and schedule, without the reference."""
        return self.references.count(False) * self.levels.values.size

    @property
    def _is_flow(self) -> list[bool]:
        flow = Spec.parse("flow")
        return [each in (flow, flow.relative) for each in self.schedules.values()]


def judged_over_splits(
    splits: Sequence[SplitLosses], asked: Asked, test_per_train: float
) -> Judgement:
    """Judge each schedule by its test losses on all splits."""
    if len(splits) < 2:
        raise ValueError(f"an interval needs at least 2 splits; got {len(splits)}")
    differences = _differences(splits, asked)
    judged = []
    for i, (name, is_reference) in enumerate(zip(asked.schedules, asked.references, strict=True)):
        own = differences[:, i]
        there = np.asarray(np.isfinite(own).all(axis=0)) & np.array(not is_reference)
        found = None
        if there.any():
            found = resampled_intervals(
                own[:, there], test_per_train, comparisons=asked.comparisons
            )
        judged.append(_judged(name, is_reference, splits, own, there, found))
    method = (
        f"Means over {len(splits)} splits, with intervals that all hold together with "
        f"{100 * CONFIDENCE:g}% confidence (corrected for the rows that splits share; Nadeau "
        "and Bengio 2003)."
    )
    return _judgement(splits, asked, judged, method)


def judged_over_rows(split: SplitLosses, asked: Asked, losses: Floats, seed: int) -> Judgement:
    """Judge each schedule by the losses (S + 1, L, n) of the n test rows of one split."""
    differences = _differences([split], asked)
    rows, rival = losses.shape[-1], losses[asked.rival]
    there = np.isfinite(differences[0, : len(asked.schedules)])
    there &= ~np.array(asked.references)[:, None] & np.isfinite(losses[:-1]).all(axis=-1)
    there &= (rival > 0).any(axis=-1)
    theirs = np.broadcast_to(rival, losses[:-1].shape)
    found = None
    if there.any():
        found = bootstrap_intervals(losses[:-1][there].T, theirs[there].T, seed=seed)
    judged = []
    for i, (name, is_reference) in enumerate(zip(asked.schedules, asked.references, strict=True)):
        own = None
        if found is not None and there[i].any():
            first = int(there[:i].sum())
            part = slice(first, first + int(there[i].sum()))
            ends = found.estimate[part], found.low[part], found.high[part]
            own = Intervals(*ends, found.confidence)
        judged.append(_judged(name, is_reference, [split], differences[:, i], there[i], own))
    method = (
        f"Differences on {rows} test rows, with intervals that all hold together with "
        f"{100 * CONFIDENCE:g}% confidence (paired bootstrap over the rows: the models stay as "
        "trained, and the test rows vary)."
    )
    return _judgement([split], asked, judged, method)


def _differences(splits: Sequence[SplitLosses], asked: Asked) -> Floats:
    """Return the relative differences (J, S + 1, L); NaN where either does not reach the level."""
    found = []
    for each in splits:
        losses = each.test_loss
        found.append(quotient(losses, losses[asked.rival], each.start_test_loss) - 1.0)
    return np.array(found)


def _judged(
    name: str,
    is_reference: bool,
    splits: Sequence[SplitLosses],
    differences: Floats,
    there: npt.NDArray[np.bool_],
    found: Intervals | None,
) -> Judged:
    ends = np.full((3, there.size), np.nan)
    if found is not None:
        # a loss is at least 0, and so falls by at most 100 %; no interval stays endless
        low = np.where(np.isneginf(found.low), found.low, np.maximum(found.low, -1.0))
        ends[:, there] = found.estimate, low, found.high
    below = np.array([each.above_start for each in splits]).sum(axis=0)
    missing = np.isnan(differences).sum(axis=0) - below
    return Judged(name, is_reference, differences, missing, below, *ends)


def _judgement(
    splits: Sequence[SplitLosses], asked: Asked, judged: Sequence[Judged], method: str
) -> Judgement:
    levels = np.array([each.levels for each in splits])
    pairs = zip(judged, splits[0].is_expected, strict=False)  # gradient flow comes last
    names = [each.name for each, is_expected in pairs if is_expected]
    method = " ".join([method, *expectation(names)])
    return Judgement(levels, tuple(judged), asked.reference, CONFIDENCE, method)
