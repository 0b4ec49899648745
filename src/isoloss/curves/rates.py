"""The learning rate of each step, from the form in which a user gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import percent, short
from isoloss.curves.numbers import real
from isoloss.schedules import GradientFlow, Phase, Schedule

__all__ = ["between_rows", "check_rates", "planned"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_LONG_WARMUP = 0.02  # the share of a run above which a note reports an assumed warm-up
_JUMP = 0.05  # of the largest rate
_IN_PERCENT = 10.0  # no optimizer in use takes such a rate


def planned(lr: Any, rows: int, steps: int) -> tuple[Floats | None, list[str]]:
    """Return the rates of all steps, or None if ``lr`` has one for each row; and notes."""
    if isinstance(lr, Schedule | Phase):
        return _of_schedule(Schedule(lr), steps)
    if isinstance(lr, str):
        raise TypeError(
            f"lr is the text {lr!r}, whose rates are in units of a largest rate that a log does "
            "not have; give a schedule in absolute rates, such as "
            f"il.families.cosine(3e-4, {steps})"
        )
    rates = real("lr", lr)
    if rates.ndim == 0:
        return np.full(steps, float(rates)), []
    if rates.ndim > 1:
        raise ValueError(f"lr must be a number or have one axis; got shape {rates.shape}")
    if rates.size == rows:
        return None, []
    if rates.size != steps:
        fix = f"; cut it to lr[:{steps}]" if rates.size > steps else ""
        raise ValueError(
            f"lr has {rates.size} entries; it needs one for each of the {rows} rows, or one for "
            f"each of the {steps} steps{fix}"
        )
    return rates, []


def between_rows(step: Steps, lr: Floats, warmup: int | None) -> tuple[Floats, list[str]]:
    """Return each step's rate, linear between rows and rising from 0 before the first; notes."""
    notes = []
    steps = int(step[-1])
    measured = ~np.isnan(lr)
    if not measured.any():
        raise ValueError("lr has no number: every row is NaN")
    if not measured.all():
        notes.append(
            f"{(~measured).sum()} of {lr.size} rows have no learning rate; it was interpolated "
            "from neighbouring rows."
        )
        step, lr = step[measured], lr[measured]
    first = int(step[0])
    if warmup is None:
        warmup = first
        if first > max(1, _LONG_WARMUP * steps):
            notes.append(
                f"The first row is at step {first}, {percent(first / steps)} of the run: the rate "
                f"is taken to rise linearly from 0 to {short(float(lr[0]))} until there. If the "
                "warm-up was shorter, give warmup."
            )
    done = np.arange(1, steps + 1)
    rates = np.interp(done, step, lr)
    for row in _jumps(lr):
        rates[step[row] : step[row + 1]] = lr[row]
    if warmup:
        rising = done[: min(first, warmup)]
        rates[: rising.size] *= rising / min(first, warmup)
    return rates, notes


def _jumps(lr: Floats) -> Steps:
    """Return the rows after which the rate jumps: it changes much, but little before and after.

    The rate of such a row holds until the next row, since most training loops log the rate of the
    step that follows a row.
    """
    change = np.abs(np.diff(lr))
    beside = np.maximum(np.append(change[1:], np.inf), np.insert(change[:-1], 0, np.inf))
    return np.flatnonzero((change > _JUMP * lr.max()) & (beside < change / 10))


def _of_schedule(schedule: Schedule, steps: int) -> tuple[Floats, list[str]]:
    if any(isinstance(phase, GradientFlow) for phase in schedule.phases):
        raise ValueError(
            "lr is a schedule with gradient flow, which no optimizer runs; give only its steps"
        )
    if schedule.steps < steps:
        raise ValueError(
            f"lr is a schedule of {schedule.steps} steps, but the last row is at step {steps}; "
            "give the rates of all steps"
        )
    rates = schedule.learning_rates()
    if schedule.steps == steps:
        return rates, []
    return rates[:steps].copy(), [
        f"The schedule's last {schedule.steps - steps} steps come after the last row, and were cut."
    ]


def check_rates(rates: Floats) -> list[str]:
    """Return a sentence on rates that look wrong; raise ``ValueError`` if no run has them."""
    if not np.isfinite(rates).all():
        raise ValueError(f"lr must be finite; got {rates[~np.isfinite(rates)][0]}")
    if (rates < 0).any():
        raise ValueError(f"lr must not be negative; got {rates.min():g}")
    largest = float(rates.max())
    if largest == 0:
        raise ValueError(
            "every learning rate is 0, so nothing was trained; is it the right column?"
        )
    if largest > _IN_PERCENT:
        return [
            f"The largest learning rate is {short(largest)}: if rates are in percent or in another "
            "unit, convert them, since steps of this size diverge."
        ]
    return []
