"""Turn whatever a user gives as a schedule into a `Schedule`.

Every public function that takes a schedule accepts a text, a `Spec`, a phase or a `Schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from isoloss._arrays import conversion
from isoloss._messages.near_misses import distinct
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.text import Spec

__all__ = ["Given", "in_own_units", "rate_unit", "read", "read_all", "resolve"]

Given = str | Spec | Schedule | Phase
T = TypeVar("T")


class Rated(Protocol):
    """Anything with a largest stable rate, such as a problem."""

    @property
    def max_lr(self) -> Any:
        """The largest stable rate, which is infinite if there is no curvature."""


def resolve(schedule: Given, problem: Rated) -> Schedule:
    """Return the given schedule as a `Schedule` for a problem.

    Parameters
    ----------
    schedule : str, Spec, Schedule or phase
        A text such as ``"gd(1.0, 10) > flow"``, or a `Spec`, has rates in units of the problem's
        largest stable rate, or of 1 if there is no curvature and every rate is stable. Rates of a
        `Schedule` or phase are absolute.
    problem : Problem
        The problem to train.

    Returns
    -------
    Schedule
        The schedule, with absolute rates.

    Raises
    ------
    SpecError
        If a text is not a schedule.
    TypeError
        If the schedule has any other type.
    ValueError
        If rates are in units of the largest stable rate, but the problem is a batch whose problems
        have different ones.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> resolve("gd(1.0, 10) > flow", problem)
    Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    """
    found = read(schedule)
    return found if isinstance(found, Schedule) else found.at(rate_unit(problem.max_lr))


def rate_unit(max_lr: Any) -> float:
    """Return the unit of relative rates: ``problem.max_lr``, or 1 if every rate is stable.

    Raises ``ValueError`` if the problems of a batch have different largest stable rates.
    """
    rates = conversion.floats("max_lr", max_lr)
    unit = float(rates.flat[0])
    if (rates != unit).any():
        raise ValueError(
            "a text's rates are in units of the largest stable rate, which differs within this "
            f"batch (from {rates.min():.6g} to {rates.max():.6g}); train its problems one by one, "
            "or give a Schedule, whose rates are absolute"
        )
    return unit if math.isfinite(unit) else 1.0


def read(schedule: Given) -> Spec | Schedule:
    """Return the given schedule where no problem is known yet, and a text as a `Spec`.

    Raises `SpecError` for a text that is not a schedule, and ``TypeError`` for other types.
    """
    match schedule:
        case Schedule() | Spec():
            return schedule
        case Phase():
            return Schedule(schedule)
        case str():
            return Spec.parse(schedule)
    raise TypeError(
        'a schedule is a text such as "gd(1.0, 10) > flow", a Schedule, or a phase such as '
        f"GradientDescent(0.1, steps=100); got {type(schedule).__name__} {schedule!r}"
    )


def in_own_units(schedule: Given) -> Schedule:
    """Return a schedule in its own units, which are relative for texts."""
    found = read(schedule)
    return found if isinstance(found, Schedule) else found.relative


def read_all(schedules: Any, reader: Callable[[Any], T], single: Any = Given) -> dict[str, T]:
    """Return schedules by name, from a mapping, a list or a single schedule.

    Without a mapping, schedules are named by their printed forms, with a number where different
    schedules look the same; equal schedules are returned once. ``reader`` is `read` or a function
    that knows more forms, and ``single`` is the type that it takes. Raises ``ValueError`` if there
    is no schedule.
    """
    if isinstance(schedules, single):
        schedules = (schedules,)
    if not isinstance(schedules, Iterable):
        raise TypeError(f"schedules must be a list or dict; got {type(schedules).__name__}")
    if isinstance(schedules, Mapping):
        found = {str(name): reader(given) for name, given in schedules.items()}
        if len(found) < len(schedules):
            raise ValueError(
                f"two schedules have the same name; got {', '.join(map(repr, schedules))}"
            )
    else:
        shown: dict[T, str] = {}
        for given in schedules:
            each = reader(given)
            shown.setdefault(each, repr(given) if isinstance(given, Phase) else str(each))
        found = dict(zip(distinct(list(shown.values())), shown, strict=True))
    if not found:
        raise ValueError("give at least one schedule")
    return found
