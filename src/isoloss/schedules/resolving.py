"""Whatever a user gives as a schedule, as a `Schedule`: a text, a `Spec`, a phase, or one already.

Every public function that takes a schedule takes it in all these forms, through this module.
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
    """What has a largest stable rate, as every problem does."""

    @property
    def max_lr(self) -> Any:
        """The largest stable rate; infinite without any curvature."""


def resolve(schedule: Given, problem: Rated) -> Schedule:
    """Return what was given as a schedule for a problem.

    Parameters
    ----------
    schedule : str, Spec, Schedule or phase
        A text such as ``"gd(1.0, 10) > flow"``, or a `Spec`, has rates in units of the problem's
        largest stable one; without any curvature, where all rates are stable, the unit is 1. Rates
        of a `Schedule` and of a phase are absolute.
    problem : Problem
        What is to be trained.

    Returns
    -------
    Schedule
        With absolute rates.

    Raises
    ------
    SpecError
        If a text is no schedule.
    TypeError
        If something else is given.
    ValueError
        If rates are in units of the largest stable one, but the problem is a batch whose problems
        differ in it.

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
    """Return the unit of relative rates: ``problem.max_lr``, or 1 where every rate is stable.

    Raises ``ValueError`` for the different rates of a batch.
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
    """Return what was given as a schedule where no problem is known yet; a text as a `Spec`.

    Raises ``TypeError`` for what is no schedule, and `SpecError` for a text that is none.
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
    """Return a schedule in the units that it has without a problem; those of texts are relative."""
    found = read(schedule)
    return found if isinstance(found, Schedule) else found.relative


def read_all(schedules: Any, reader: Callable[[Any], T], single: Any = Given) -> dict[str, T]:
    """Return schedules by name: those of a mapping, or of a list, or a single one.

    Without a mapping, schedules are called by their printed forms, with a number where different
    ones look the same; equal ones are returned once. ``reader`` is `read`, or a function that
    knows more forms, and ``single`` the type of what it takes. Raises ``ValueError`` if there is
    no schedule.
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
