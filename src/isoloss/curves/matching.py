"""Compare logged runs at equal train loss, as the paper compares schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from isoloss._messages.near_misses import distinct, suggest
from isoloss._messages.numbers import short
from isoloss.curves.logged_rows import Target
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.match_result import Match, Matched
from isoloss.curves.numbers import column
from isoloss.curves.smoothing import Smoothed, smoothed

__all__ = ["match"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_ASIDE = 1.5  # how far before and after a level the slope of the test loss is taken
_EARLY = 8  # levels come after the first eighth of the shortest run


def match(
    runs: Sequence[LossCurve],
    levels: int | npt.ArrayLike = 5,
    *,
    reference: str | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    confidence: float = 0.9,
) -> Match:
    """Compare the test losses of logged runs at equal train loss.

    Losses are smoothed by local lines over the logarithm of steps. A run is at a level at the first
    step where its smoothed train loss is at or below it, and its test loss there is the smoothed
    one. Nothing is extrapolated: levels are those that all runs reach.

    Parameters
    ----------
    runs : sequence of LossCurve
        At least two runs with a train loss, ``loss``, and a ``test_loss``.
    levels : int or array_like, default: 5
        How many train losses to compare at, evenly spaced over those that all runs reach after the
        first eighth of the shortest run; or the train losses.
    reference : str, optional
        The run or group that others are compared with; by default, the first.
    groups : mapping of str to sequence of str, optional
        Runs of one schedule with several seeds, by the names of the runs. If groups have as many
        runs as the reference, the first is paired with the first, and so on, which should share a
        seed. Runs in no group stand alone.
    confidence : float, default: 0.9
        The probability of intervals. For groups of at least two runs they are Student's t intervals
        over seeds. For single runs they come from the noise of the logged losses, and leave out
        that another seed would give another run.

    Returns
    -------
    Match
        The test loss of each run or group at each level, with differences to the reference.

    Raises
    ------
    ValueError
        If there are fewer than two runs or groups, a run has no test loss, names are unknown or
        stand twice, no train loss is reached by all runs, or a level is not.
    TypeError
        If a run is not a `LossCurve`.

    Examples
    --------
    >>> import numpy as np
    >>> from isoloss import curves
    >>> step = np.arange(10, 1001, 10)
    >>> slow, fast = 1 + 20 / step, 1 + 10 / step
    >>> runs = [
    ...     curves.LossCurve(step, slow, 1e-3, test_loss=slow + 0.2, name="slow"),
    ...     curves.LossCurve(step, fast, 2e-3, test_loss=fast + 0.1, name="fast"),
    ... ]
    >>> found = curves.match(runs, [1.05])
    >>> print(round(float(found.matched["fast"].difference[0]), 3), found.verdict("fast", 0))
    -0.1 lower
    """
    named = _named(runs)
    members = _groups(named, groups)
    if reference is None:
        reference = next(iter(members))
    elif reference not in members:
        near = suggest(reference, list(members))
        raise ValueError(f"reference names a run or group; {reference!r} is none{near}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.9; got {confidence}")
    losses = {
        name: (smoothed(*_late(run, "loss")), smoothed(*_late(run, "test_loss")))
        for name, run in named.items()
    }
    at = _levels(levels, named, {name: train for name, (train, _) in losses.items()})
    single = {name: _AtLevels.of(*each, at) for name, each in losses.items()}
    base = [single[run] for run in members[reference]]
    found = {}
    for name, each in members.items():
        parts = [single[run] for run in each]
        difference = _mean(parts) - _mean(base)
        half = np.zeros(at.size) if name == reference else _half_width(parts, base, confidence)
        found[name] = Matched(
            tuple(each),
            np.mean([part.step for part in parts], axis=0),
            _mean(parts),
            difference,
            difference - half,
            difference + half,
        )
    smoothing = {
        name: (train.neighbours, test.neighbours) for name, (train, test) in losses.items()
    }
    return Match(at, found, reference, confidence, smoothing)


@dataclass(frozen=True)
class _AtLevels:
    """A run at each level: its step, its test loss, and the standard error of that."""

    step: Floats
    test_loss: Floats
    error: Floats

    @classmethod
    def of(cls, train: Smoothed, test: Smoothed, levels: Floats) -> _AtLevels:
        step = np.array([train.first_at(level) for level in levels])
        loss, error = test.at(step)
        _, moved = train.at(step)
        # A train loss that is off moves the step, and with it the test loss.
        early, late = step / _ASIDE, np.minimum(step * _ASIDE, train.step[-1])
        fallen = train.at(early)[0] - train.at(late)[0]
        ratio = (test.at(early)[0] - test.at(late)[0]) / np.where(fallen > 0, fallen, np.inf)
        return cls(step, loss, np.hypot(error, ratio * moved))


def _mean(parts: Sequence[_AtLevels]) -> Floats:
    found: Floats = np.mean([part.test_loss for part in parts], axis=0)
    return found


def _half_width(parts: Sequence[_AtLevels], base: Sequence[_AtLevels], confidence: float) -> Floats:
    """Return half the width of the interval of a difference."""
    tail = (1 + confidence) / 2
    if min(len(parts), len(base)) == 1:
        errors = [
            np.linalg.norm([part.error for part in each], axis=0) / len(each)
            for each in (parts, base)
        ]
        return np.asarray(norm.ppf(tail) * np.hypot(*errors))
    ours, theirs = (np.array([part.test_loss for part in each]) for each in (parts, base))
    if len(ours) == len(theirs):
        paired = ours - theirs
        spread, freedom = paired.std(axis=0, ddof=1) / np.sqrt(len(paired)), len(paired) - 1.0
        return np.asarray(student.ppf(tail, freedom) * spread)
    # Welch's interval
    squares = [each.var(axis=0, ddof=1) / len(each) for each in (ours, theirs)]
    total = squares[0] + squares[1]
    freedoms = total**2 / np.maximum(
        sum(each**2 / (len(rows) - 1) for each, rows in zip(squares, (ours, theirs), strict=True)),
        1e-300,
    )
    return np.asarray(student.ppf(tail, np.maximum(freedoms, 1)) * np.sqrt(total))


def _named(runs: Sequence[LossCurve]) -> dict[str, LossCurve]:
    found = [runs] if isinstance(runs, LossCurve) else list(runs)
    for each in found:
        if not isinstance(each, LossCurve):
            raise TypeError(f"runs are LossCurves, which curves.read returns; got {each!r}")
    if len(found) < 2:
        raise ValueError(f"a comparison needs at least two runs; got {len(found)}")
    names = distinct([each.name or "run" for each in found])
    return dict(zip(names, found, strict=True))


def _groups(
    named: Mapping[str, LossCurve], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, list[str]]:
    """Return the runs of each group; runs in no group are groups of their own."""
    found: dict[str, list[str]] = {}
    grouped: set[str] = set()
    for name, members in (groups or {}).items():
        for run in members:
            if run not in named:
                raise ValueError(
                    f"group '{name}' names the run {run!r}, which is not there"
                    f"{suggest(run, list(named))}"
                )
            if run in grouped:
                raise ValueError(f"the run '{run}' stands twice in the groups")
            grouped.add(run)
        if not members:
            raise ValueError(f"group '{name}' has no run")
        found[name] = list(members)
    for run in named:
        if run not in grouped:
            if run in found:
                raise ValueError(f"a run and a group have the name '{run}'; rename the group")
            found[run] = [run]
    if len(found) < 2:
        raise ValueError("all runs are in one group; there is nothing to compare them with")
    return found


def _late(run: LossCurve, which: Target) -> tuple[Steps, Floats]:
    step, loss = run.rows(which)
    early = run.steps / (2 * _EARLY)  # levels come later
    name = f"the run '{run.name}'" if run.name else "a run"
    if (kept := step > early).sum() < 2:
        raise ValueError(f"{name} has fewer than two rows with a {which} after step {early:.0f}")
    return step[kept], loss[kept]


def _levels(
    levels: int | npt.ArrayLike, named: Mapping[str, LossCurve], trains: Mapping[str, Smoothed]
) -> Floats:
    """Return the train losses to compare at, from the highest."""
    first = min(run.steps for run in named.values()) / _EARLY
    starts = {name: float(each.at(np.array([first]))[0][0]) for name, each in trains.items()}
    ends = {name: float(each.loss.min()) for name, each in trains.items()}
    low, high = max(ends.values()), min(starts.values())
    if not low < high:
        worst, best = max(ends, key=ends.__getitem__), min(starts, key=starts.__getitem__)
        raise ValueError(
            f"the runs do not overlap: '{worst}' ends at the train loss {short(low)}, above which "
            f"'{best}' never was after its start ({short(high)} at step {first:.0f}); compare "
            "longer runs"
        )
    if isinstance(levels, int | np.integer) and not isinstance(levels, bool):
        if levels < 1:
            raise ValueError(f"levels is a number of levels of at least 1; got {levels}")
        return np.linspace(high, low, int(levels) + 1)[1:]
    found = np.sort(np.unique(column("levels", np.atleast_1d(np.asarray(levels)))))[::-1]
    if not (np.isfinite(found).all() and found.min() >= low and found.max() <= high):
        raise ValueError(
            f"levels must be within what all runs reach, {short(low)} to {short(high)}; got "
            f"{', '.join(map(short, found))}"
        )
    return found
