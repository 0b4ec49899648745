"""Schedules that leave their number of steps open."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from isoloss.schedules.grammar import SpecError
from isoloss.schedules.resolving import Given, in_own_units, read, read_all
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import MAX_RATES, Spec

__all__ = ["Comparable", "Unfinished", "read_comparables", "read_unfinished"]

_SHORT = 4096  # schedules of up to this many steps are cached
_TRIED = (1, 12, 1000)  # a family may need a few steps, or a multiple of some number


@dataclass(frozen=True)
class Unfinished:
    """A schedule for any number of steps, which `isoloss.finish` chooses.

    Attributes
    ----------
    family : str, or function of a number of steps
        A text whose number of steps is ``...``, or a function that returns a schedule.
    """

    family: str | Callable[[int], Given]

    def of(self, steps: int) -> Given:
        """Return the schedule of this many steps; raise ``ValueError`` if the family has none."""
        if not isinstance(self.family, str):
            return self.family(steps)
        if steps > _SHORT:
            return Spec.parse(self.family, steps=steps)
        return _parsed(self.family, steps)

    @property
    def is_plain(self) -> bool:
        """Whether its schedules are plain (`Schedule.is_plain`), judged by one of them."""
        for steps in _TRIED:
            try:
                return in_own_units(self.of(steps)).is_plain
            except ValueError:  # the family has none of this many steps
                continue
        return True

    def __str__(self) -> str:
        if isinstance(self.family, str):
            return self.family
        return f"{getattr(self.family, '__name__', type(self.family).__name__)}(...)"


Comparable = Given | Unfinished | Callable[[int], Given]
"""Whatever a user gives as a schedule that may leave its number of steps open."""


def read_comparables(
    schedules: Comparable | Mapping[str, Comparable] | Iterable[Comparable],
) -> dict[str, Spec | Schedule | Unfinished]:
    """Return schedules by name, as `resolving.read_all` does."""
    return read_all(schedules, read_unfinished, Given | Unfinished | Callable)


def read_unfinished(
    schedule: Comparable, *, max_rates: int = MAX_RATES
) -> Unfinished | Spec | Schedule:
    """Return a schedule as `resolving.read` does, or one that leaves its number of steps open.

    At most ``max_rates`` steps of a text may have their own rates. Raises `SpecError` for a text
    that is not a schedule, and ``TypeError`` for other types.
    """
    if isinstance(schedule, Unfinished):
        return schedule
    if not isinstance(schedule, str):
        return Unfinished(schedule) if callable(schedule) else read(schedule)
    if "..." in schedule:
        return Unfinished(_normal_form(schedule, max_rates))
    return Spec.parse(schedule, max_rates=max_rates)


@functools.lru_cache(maxsize=256)  # searches for many problems reuse them
def _parsed(text: str, steps: int) -> Spec:
    return Spec.parse(text, steps=steps)


def _normal_form(text: str, max_rates: int) -> str:
    errors = []
    for steps in _TRIED:
        try:
            return str(Spec.parse(text, max_rates=max_rates, steps=steps))
        except SpecError as error:
            errors.append(error)
    raise errors[0]
