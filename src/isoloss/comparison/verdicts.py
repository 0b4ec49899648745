"""Sentences that judge schedules: at equal train loss, on test data, and over folds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import percent, short
from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.outcomes import Stop, Stops
from isoloss.dynamics.ends import MOST_STEPS
from isoloss.problems.problem import Problem

__all__ = [
    "best_stop",
    "expectation",
    "over_folds",
    "setting",
    "standard_error",
    "verdict",
    "worth",
]

Floats = npt.NDArray[np.float64]


def setting(problem: Problem, levels: Floats, schedules: Sequence[Stops] = ()) -> tuple[str, ...]:
    """State the range of train losses, the units, and which schedules are finished."""
    start, floor = float(problem.start_train_loss), float(problem.min_train_loss)
    places = "1 level, train loss " + short(levels[0], 5)
    if len(levels) > 1:
        ends = f"{short(levels[0], 5)} down to {short(levels[-1], 5)}"
        places = f"{len(levels)} levels, train losses from {ends}"
    return (
        f"Train loss: {short(start, 5)} at the start, {short(floor, 5)} at least. Test loss at the "
        f"start: {short(float(problem.start_test_loss), 5)}.",
        f"{places}.",
        f"Rates and flow times are multiples of the largest stable rate 1/γ₁ = "
        f"{short(float(problem.max_lr))}.",
        *_finishing([each for each in schedules if each.is_finished]),
        *expectation([each.name for each in schedules if each.is_expected]),
        *_without_errors(schedules),
    )


def expectation(names: Sequence[str]) -> Iterator[str]:
    """Say what the losses of schedules with minibatches are."""
    if names:
        takes, its = ("takes", "its") if len(names) == 1 else ("take", "their")
        yield (
            f"{_joined(list(names))} {takes} minibatches: {its} losses are expected ones, of runs "
            "that all stop at the same time."
        )


def _without_errors(schedules: Sequence[Stops]) -> Iterator[str]:
    if any(each.is_expected and each.test_error is not None for each in schedules):
        yield (
            "With minibatches, the mean of the squared error is known, but not that of the share "
            "of wrong classes."
        )


def _finishing(finished: Sequence[Stops]) -> Iterator[str]:
    names = [each.name for each in finished]
    if names:
        one, many = "is run whole, with", "are run whole, each with"
        yield (
            f"{_joined(names)} {one if len(names) == 1 else many} as many steps as end at the "
            "level, its rates scaled down to meet it. The largest rates are then, in units of "
            f"1/γ₁: {'; '.join(map(_largest_rates, finished))}."
        )
    if any("warmup_stable_decay" in name for name in names):
        yield (
            "warmup_stable_decay warms up for 10% of its steps and decays for 20%, unless its "
            "arguments say otherwise."
        )


def _largest_rates(stops: Stops) -> str:
    rates = stops.largest_rate[stops.reached]
    if not rates.size:
        return f"{stops.name} none"
    ends = dict.fromkeys(short(end, 3) for end in (rates.min(), rates.max()))
    return f"{stops.name} {' to '.join(ends)}"


def verdict(stops: Stops) -> str:
    """Say whether a schedule helps at equal train loss, how much and where."""
    total, count = len(stops.levels), int(stops.reached.sum())
    compared = stops.is_compared
    if stops.is_reference:
        return f"{stops.name} is the reference that the others are compared with."
    if not count and stops.is_finished:
        return f"{stops.name} has no schedule of at most {MOST_STEPS:,} steps for any level."
    if not count:
        what = f"reaches none of the {total} levels" if total > 1 else "does not reach the level"
        return f"{stops.name} {what}: its train loss ends at {short(stops.train_loss[-1])}."
    if not compared.any():
        return (
            f"{stops.name} and {stops.reference} reach no level together, so that they cannot be "
            "compared at equal train loss."
        )
    effects = np.array(stops.effects)
    groups = {name: effects == name for name in ("helps", "hurts", "no difference")}
    present = [name for name, members in groups.items() if members.any()]
    parts = [_part(stops, name, groups[name]) for name in present]
    mixed = "is mixed: it " if {"helps", "hurts"} <= set(present) else ""
    sentence = f"At equal train loss, {stops.name} {mixed}{_joined(parts)}"
    if count < total:
        levels = "level" if total - count == 1 else f"{total - count} levels"
        sentence += f"; it does not reach the last {levels} ({_place(stops.levels[count:])})"
    if (alone := stops.reached & ~compared).any():
        sentence += f"; {stops.reference} does not reach {_place(stops.levels[alone])}"
    return sentence + "."


def _part(stops: Stops, name: str, members: npt.NDArray[np.bool_]) -> str:
    total, count = len(stops.levels), int(members.sum())
    where = f"{count} of {total} levels"
    if count == total:
        where = {1: "the level", 2: "both levels"}.get(total, f"all {total} levels")
    change = np.abs(stops.ratio - 1)
    largest = int(np.where(members, change, -1.0).argmax())
    least, most = percent(change[members].min()), percent(change[largest])
    if name == "no difference":
        return f"makes no difference at {where} (within {most})"
    size = most if least == most else f"{least} to {most}"
    direction = "lower" if name == "helps" else "higher"
    rival = "gradient flow's" if stops.reference is None else f"that of {stops.reference}"
    place = _place(stops.train_loss[members])
    if count > 1:
        place += f", most at {short(stops.train_loss[largest])}"
    return f"{name} at {where} (test loss {size} {direction} than {rival}; {place})"


def worth(name: str, loss: float, rival: str, rival_loss: float) -> str:
    """Compare a choice made on validation data with a rival, on test data."""
    change = loss / rival_loss - 1
    chosen = (
        f"Chosen on the validation data: {name}. On the test data, which the choice has "
        f"not seen, its loss is {loss:.4g} against {rival_loss:.4g} of {rival}"
    )
    if abs(change) <= NO_DIFFERENCE:
        return f"{chosen}, no difference (within {100 * NO_DIFFERENCE:g}%): {rival} will do."
    if change < 0:
        return f"{chosen}, {-100 * change:.1f}% lower."
    return f"{chosen}, {100 * change:.1f}% higher: keep {rival}."


def over_folds(rival: str, scores: Floats, theirs: Floats) -> str:
    """Compare the scores on each fold with a rival's."""
    gains = scores - theirs
    gain, error = float(gains.mean()), standard_error(gains)
    level = f"{rival} has {theirs.mean():.4g}"
    if math.isnan(error):
        side = "lower" if gain > 0 else "higher"
        return f"{level}, {abs(gain):.2g} {side}." if gain else f"{level}, the same."
    difference = f"{level}; fold by fold the difference is {gain:.2g} ± {error:.2g}"
    if abs(gain) > 2 * error:
        return f"{difference}, beyond two standard errors."
    return f"{difference}, within two standard errors: that will do as well."


def standard_error(values: Floats) -> float:
    """Return the standard error of a mean over folds; NaN for one fold."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else math.nan


def best_stop(name: str, stop: Stop) -> str:
    """Say where a schedule's best stop on the test data is."""
    error = "" if stop.test_error is None else f", test error {100 * stop.test_error:.1f}%"
    place = f"at train loss {short(stop.train_loss)}, {_moment(stop)}"
    return f"{name}: test loss {short(stop.test_loss)}{error}, {place}."


def _moment(stop: Stop) -> str:
    if stop.alpha is not None:
        return f"with penalty α = {short(stop.alpha)}"
    if not stop.steps and not stop.time:
        return "at the start"
    parts = [f"{stop.steps} step{'s' * (stop.steps != 1)}"] * bool(stop.steps)
    if math.isinf(stop.time):
        parts.append("endless flow")
    elif stop.time:
        parts.append(f"flow time {short(stop.time)}")
    return "after " + " and ".join(parts)


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _place(losses: Floats) -> str:
    high, low = short(losses.max()), short(losses.min())
    return f"train loss {high}" if high == low else f"train loss {high} to {low}"
