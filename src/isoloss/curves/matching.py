"""Compare logged runs at equal train loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest
from isoloss._messages.numbers import short
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.match_intervals import half_width, one_until
from isoloss.curves.match_notes import notes_on_intervals, notes_on_smoothing
from isoloss.curves.match_result import Match, MatchedRuns
from isoloss.curves.matched_curve import MatchedCurve
from isoloss.curves.numbers import column, count, number
from isoloss.curves.seeds import by_schedule, is_constant, look_like_seeds, named_runs

__all__ = ["check_settings", "match"]

Floats = npt.NDArray[np.float64]

_EARLY = 8  # chosen levels come after the first eighth of the shortest run
_MOST_LEVELS = 1000  # more would make a table that nobody reads, and take minutes
_ROUNDING = 1e-9  # relative; smaller ranges and differences are taken to be 0


def match(
    runs: Sequence[LossCurve],
    levels: int | npt.ArrayLike = 12,
    *,
    reference: str | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    smoothing: float | None = None,
    averaged: int = 0,
    confidence: float = 0.9,
) -> Match:
    r"""Compare the test losses of runs where they have the same train loss.

    This is how the paper compares schedules: two runs are stopped at the same train loss, and the
    one with the lower test loss generalizes better. A run stops at the first step at which its
    *smoothed* train loss is at or below the level; its smoothed test loss there is compared with
    the reference's. Only levels that both have reached are compared: nothing is extrapolated.

    Train and test loss are smoothed by local regression in the log of the step, with a window that
    is chosen from the rows. Windows end where the learning rate turns, so that a cool-down, in
    which losses fall fast, is not mixed with what comes before it. With one run for each schedule,
    intervals come from the scatter of the rows about the smooth curves: that of the test loss, and
    that of the train loss, which moves the stop. They allow for noise that is correlated between
    rows, but **leave out the variation between seeds**. With several seeds, intervals are Student's
    t of the differences of paired runs, and include that variation.

    Parameters
    ----------
    runs : sequence of LossCurve
        At least two runs with train and test losses.
    levels : int or array_like, default: 12
        Train losses, or their number. A number of levels is evenly spaced over the range in which
        other runs overlap with the reference, after the first eighth of the shortest run and at
        least two standard errors above the lowest smoothed losses. The lowest point of a noisy
        curve is partly low by chance, and there a run seems to generalize worse than it does.
    reference : str, optional
        The run or group that others are compared with: by default the first whose rate is constant
        once it has risen, else the first.
    groups : mapping of str to sequences of str, optional
        The names of the runs of each schedule, in the order of their seeds: the first runs of two
        schedules are a pair, the second ones too, and so on. A run in no group is a schedule of its
        own.
    smoothing : float, optional
        Half the width of the windows in e-folds of steps, such as 0.1 for ±10% of the steps. By
        default chosen for each curve.
    averaged : int, default: 0
        The number of steps over which each train loss is a mean, up to its row, as in logs of
        Hugging Face's ``Trainer``. Such a mean lags behind the loss; if this is not allowed for, it
        favours the run whose loss falls faster.
    confidence : float, default: 0.9
        The probability with which each interval, taken by itself, covers its true value.

    Returns
    -------
    Match
        The test losses, differences, intervals and verdicts at each level.

    Raises
    ------
    ValueError
        If a run has no test loss or too few rows, no two runs overlap, or a name is unknown.
    TypeError
        If something is not a `LossCurve` or not a number.

    Notes
    -----
    Coverage of 95% intervals of one run, measured on simulated runs of 240 rows with several
    schedules: 94% with independent noise, and 86% if successive rows correlate by 0.6.

    Examples
    --------
    >>> import numpy as np
    >>> from isoloss.curves import LossCurve, match
    >>> rng, step = np.random.default_rng(0), np.arange(10, 4001, 10)
    >>> runs = []
    >>> for name, gap in (("small", 0.10), ("large", 0.06)):
    ...     train = 1 + 5 * step**-0.4 + 0.005 * rng.normal(size=step.size)
    ...     test = 1 + 5 * step**-0.4 + gap + 0.005 * rng.normal(size=step.size)
    ...     runs.append(LossCurve(step, train, 1e-3, test_loss=test, name=name))
    >>> found = match(runs, [1.4, 1.3])
    >>> print(found.matched["large"].difference.round(2), found.matched["large"].effects)
    [-0.04 -0.04] ['helps' 'helps']
    >>> print(found.verdicts[0][:52])
    At equal train loss, large helps at both levels (tes
    """
    check_settings(levels, confidence)
    if smoothing is not None and not 0.01 <= number("smoothing", smoothing) <= 2:
        raise ValueError(
            "smoothing is half a window in e-folds of steps, from 0.01 to 2 (0.1 is about ±10% of "
            f"the steps); got {smoothing!r}"
        )
    mean_of = count("averaged", averaged, 0)
    named = named_runs(runs)
    members = by_schedule(named, groups)
    told = []
    if reference is None:
        constant = (name for name, own in members.items() if is_constant(named[own[0]]))
        first = next(iter(members))
        reference = next(constant, first)
        why = (
            "the first whose rate is constant"
            if is_constant(named[members[reference][0]])
            else ("the first")
        )
        told.append(f"The reference is {reference}, {why}.")
    elif reference not in members:
        near = suggest(str(reference), list(members))
        raise ValueError(f"reference must name a run or group; {reference!r} is neither{near}")
    smoothed = {
        name: [MatchedCurve.of(named[run], run, smoothing, mean_of) for run in own]
        for name, own in members.items()
    }
    at = _levels(levels, smoothed, reference)
    found = {
        name: _matched(tuple(own), smoothed[name], smoothed[reference], at, float(confidence))
        for name, own in members.items()
    }
    told += look_like_seeds(own[0] for own in members.values() if len(own) == 1)
    told += notes_on_smoothing(smoothed, given=smoothing is not None)
    told += notes_on_intervals(found, reference, float(confidence))
    return Match(at, found, reference, float(confidence), tuple(told))


def check_settings(levels: Any, confidence: Any) -> None:
    """Raise an error for levels or a confidence that no runs could be compared with."""
    if not 0 < number("confidence", confidence) < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.9; got {confidence!r}")
    if not _is_number(levels):
        _losses(levels)
    elif levels < 1:
        raise ValueError(f"the number of levels must be at least 1; got {levels}")
    elif levels > _MOST_LEVELS:
        raise ValueError(f"at most {_MOST_LEVELS} levels are compared; got {levels}")


def _is_number(levels: Any) -> bool:
    return isinstance(levels, int | np.integer) and not isinstance(levels, bool)


def _losses(levels: Any) -> Floats:
    """Return given levels, from the highest."""
    found = np.unique(column("levels", np.atleast_1d(np.asarray(levels))))[::-1]
    if not np.isfinite(found).all() or not 1 <= found.size <= _MOST_LEVELS:
        raise ValueError(f"levels must be 1 to {_MOST_LEVELS} finite losses; got {levels!r}")
    return found


def _levels(given: Any, smoothed: Mapping[str, Sequence[MatchedCurve]], reference: str) -> Floats:
    """Return the train losses to compare at, from the highest."""
    ends = {
        name: (max(each.range[0] for each in curves), min(each.range[1] for each in curves))
        for name, curves in smoothed.items()
    }
    least, most = ends.pop(reference)
    overlaps = [(max(least, low), min(most, high)) for low, high in ends.values()]
    overlaps = [(low, high) for low, high in overlaps if high - low > _ROUNDING * abs(high)]
    if not overlaps:
        known = "; ".join(
            f"'{name}' goes from {short(high)} to {short(low)}"
            for name, (low, high) in {reference: (least, most), **ends}.items()
        )
        raise ValueError(
            f"the runs do not overlap: no run has a train loss in common with '{reference}' where "
            f"the test losses are known ({known}); compare longer runs, or give another reference"
        )
    low, high = min(low for low, _ in overlaps), max(high for _, high in overlaps)
    if _is_number(given):
        curves = [each for own in smoothed.values() for each in own]
        first = min(each.last for each in curves) / _EARLY
        starts = (each.lowest_until(first) for each in curves)
        high = min([high, *(start for start in starts if start > low)])
        low = min(max(low, _clear_low(smoothed, reference)), high)
        return np.linspace(high, low, int(given) + 1)[1:]
    found = _losses(given)
    if not any(low <= level <= high for level in found for low, high in overlaps):
        raise ValueError(
            f"levels must be within what '{reference}' and another run reach, {short(low)} to "
            f"{short(high)}; got {', '.join(map(short, found.tolist()))}"
        )
    return found


def _clear_low(smoothed: Mapping[str, Sequence[MatchedCurve]], reference: str) -> float:
    """Return the lowest train loss that the reference and another run reach not just by chance."""
    clear = {name: max(each.clear_low for each in own) for name, own in smoothed.items()}
    own = clear.pop(reference)
    return max(own, min(clear.values()))


def _matched(
    names: tuple[str, ...],
    curves: Sequence[MatchedCurve],
    rivals: Sequence[MatchedCurve],
    levels: Floats,
    confidence: float,
) -> MatchedRuns:
    own = [[curve.at(level) for level in levels] for curve in curves]
    step, test_loss = (
        np.array([[getattr(each, field) for each in row] for row in own]).mean(axis=0)
        for field in ("step", "test_loss")
    )
    paired = len(curves) == len(rivals)
    numbers = np.full((3, levels.size), np.nan)
    effects = np.full(levels.size, "not reached", dtype="<U13")
    over_seeds = min(len(curves), len(rivals)) > 1
    shared = 0.0
    if curves is rivals:
        reached = np.isfinite(test_loss)
        effects[reached], numbers[:, reached] = "reference", 0.0
    else:
        other = [[rival.at(level) for level in levels] for rival in rivals]
        if paired:
            shared = min(
                one_until(ours.run, theirs.run) for ours, theirs in zip(curves, rivals, strict=True)
            )
        for k in range(levels.size):
            ours, theirs = [row[k] for row in own], [row[k] for row in other]
            if all(each.step <= shared for each in (*ours, *theirs)):
                numbers[:, k], effects[k] = 0.0, "no difference"
                continue
            middle = test_loss[k] - float(np.mean([each.test_loss for each in theirs]))
            if math.isnan(middle):
                continue
            width = half_width(ours, theirs, confidence)
            if abs(middle) <= _ROUNDING * abs(test_loss[k]):
                middle = 0.0
            numbers[:, k] = middle, middle - width, middle + width
            effects[k] = _effect(middle - width, middle + width)
    difference, low, high = numbers
    return MatchedRuns(
        names, tuple(curves), step, test_loss, difference, low, high, effects, over_seeds, shared
    )


def _effect(low: float, high: float) -> str:
    if high < 0:
        return "helps"
    return "hurts" if low > 0 else "cannot tell"
