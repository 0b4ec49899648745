"""Turn the logs of trained models into loss curves, and compare them at equal train loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.curves import LossCurve, Match, match
from isoloss.curves.smooth_curve import FEWEST
from isoloss.networks.run_folder import run_title
from isoloss.networks.trained_comparison import TrainedComparison
from isoloss.networks.trained_run import LoggedRow
from isoloss.schedules import GradientDescent

__all__ = ["compared_at_levels"]

Floats = npt.NDArray[np.float64]
Rows = Sequence[LoggedRow]


def compared_at_levels(
    logs: Mapping[str, Mapping[int, Rows]],
    rates: Mapping[str, Floats],
    made_of: Mapping[str, Any],
    levels: Any,
    reference: str | None,
    confidence: float,
) -> TrainedComparison:
    """Return the curves of all runs, and compare the schedules at equal train loss if possible."""
    curves, diverged, notes = {}, {}, []
    groups: dict[str, tuple[str, ...]] = {}
    for plan, runs in logs.items():
        groups[plan] = tuple(run_title(plan, seed) for seed in runs)
        short = []
        for title, rows in zip(groups[plan], runs.values(), strict=True):
            finite = sum(not math.isnan(row.train_loss) for row in rows)
            if finite < len(rows):
                diverged[title] = rows[-1].step
            if finite < FEWEST:
                short.append(f"{title} has {finite} measurements")
            if finite > 1:
                curves[title] = _curve(title, rows, rates[plan], made_of)
        if short:
            notes.append(
                f"{plan} is left out of the comparison: {', '.join(short)}, and {FEWEST} are "
                "needed; give a smaller every, or a schedule that does not diverge."
            )
    notes += [
        f"{title} diverged: its loss is not finite at step {step}, where the run was ended."
        for title, step in diverged.items()
    ]
    known = {name: own for name, own in groups.items() if all(_long(curves, own, FEWEST))}
    found: Match | None = None
    try:
        if len(known) < 2:
            raise ValueError("fewer than two schedules are left")
        if reference is not None and reference not in known:
            raise ValueError(f"the reference {reference} is left out")
        own = [curves[title] for titles in known.values() for title in titles]
        found = match(own, levels, reference=reference, groups=known, confidence=confidence)
    except (TypeError, ValueError) as error:  # the trained runs are returned all the same
        notes.append(f"The schedules cannot be compared: {error}.")
    return TrainedComparison(tuple(curves.values()), groups, found, diverged, tuple(notes))


def _long(curves: Mapping[str, LossCurve], titles: Sequence[str], fewest: int) -> Iterator[bool]:
    for title in titles:
        yield title in curves and curves[title].rows()[0].size >= fewest


def _curve(title: str, rows: Rows, rates: Floats, made_of: Mapping[str, Any]) -> LossCurve:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # kept in the notes of the curve
        return LossCurve(
            [row.step for row in rows],
            [row.train_loss for row in rows],
            GradientDescent(rates),
            test_loss=[row.test_loss for row in rows],
            name=title,
            **made_of,
        )
