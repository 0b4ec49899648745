"""The schedules that a search looks at: given ones, and families to design on its folds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isoloss._messages.near_misses import distinct, suggest
from isoloss.comparison import family_names
from isoloss.optimize import design
from isoloss.problems.batching import joined
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.text import Spec

__all__ = ["Candidate", "Designed", "designed_text", "read_schedules"]

_FLOW = "+flow"
_LONGEST = 60  # names of results and figures


@dataclass(frozen=True)
class Designed:
    """A family of schedules, of which `ScheduleSearchCV` takes the best one and its stop.

    Attributes
    ----------
    family : str, default: "rates"
        As for `isoloss.design`: "annealed", "two-rate", "decreasing", "rates" (free rates), or a
        function of `isoloss.families` that needs no more than its rates.
    steps : int, default: 16
        The number of steps; the largest number, for annealed and two-rate schedules.
    flow : bool, default: False
        Whether gradient flow follows the steps; always so for "annealed".
    starts, seed : int
        From how many starts to search, and the seed of random ones.

    Examples
    --------
    >>> Designed("rates", steps=8).name
    'rates, 8 steps'
    """

    family: str = "rates"
    steps: int = 16
    flow: bool = False
    starts: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.family not in family_names():
            raise ValueError(
                f"there is no family {self.family!r}{suggest(self.family, family_names())}; choose "
                f"from {', '.join(family_names())}"
            )

    @property
    def name(self) -> str:
        """What results and figures call it."""
        steps = "" if self.steps == Designed.steps else f", {self.steps} steps"
        return f"{self.family}{_FLOW if self.flow else ''}{steps}"


Candidate = str | Schedule | Phase | Designed


def read_schedules(
    schedules: Candidate | Iterable[Candidate] | Mapping[str, Candidate],
) -> dict[str, Candidate]:
    """Return candidates by name; the name of a family, as a text, is to be designed."""
    if isinstance(schedules, Candidate):
        schedules = (schedules,)
    if not isinstance(schedules, Iterable):
        raise TypeError(f"schedules must be a list or dict; got {type(schedules).__name__}")
    if isinstance(schedules, Mapping):
        named = [(str(name), _read(given)) for name, given in schedules.items()]
    else:
        read: dict[Any, Candidate] = {}
        for each in map(_read, schedules):
            read.setdefault(_value(each), each)  # equal ones are tried once
        named = _called(list(read.values()))
    found = dict(named)
    if not found:
        raise ValueError("schedules must not be empty")
    if len(found) < len(named):
        names = [name for name, _ in named]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two schedules are called {twice!r}; give a dict to name them yourself")
    return found


def _read(given: Candidate) -> Candidate:
    if isinstance(given, str):
        family = given.removesuffix(_FLOW)
        if family in family_names():
            return Designed(family, flow=given != family)
        if given.isidentifier() and given != "flow":
            families = [name + end for name in family_names() for end in ("", _FLOW)]
            raise ValueError(
                f"there is no family {given!r}{suggest(given, families)}; choose from "
                f"{', '.join(family_names())}, each with or without {_FLOW!r}; or give a text such "
                'as "gd(1.0, 100) > flow"'
            )
        Spec.parse(given)  # raises with a caret under the fault
        return given
    if isinstance(given, Candidate):
        return given
    raise TypeError(
        'schedules must be texts such as "gd(1.0, 100) > flow" or "rates", schedules, phases or '
        f"Designed; got {type(given).__name__}"
    )


def _value(given: Candidate) -> Any:
    """Return what is equal for equal candidates, however they are written."""
    if isinstance(given, str):
        return Spec.parse(given)
    return given if isinstance(given, Designed) else Schedule(given)


def _called(given: Sequence[Candidate]) -> list[tuple[str, Candidate]]:
    """Return candidates under names, of which those of schedules differ; so texts do."""
    names = [_name(each, i) for i, each in enumerate(given, 1)]
    schedules = [i for i, each in enumerate(given) if isinstance(each, Schedule | Phase)]
    for i, name in zip(schedules, distinct([names[i] for i in schedules]), strict=True):
        names[i] = name
    return list(zip(names, given, strict=True))


def _name(given: Candidate, place: int) -> str:
    if isinstance(given, str):
        return given
    name = given.name if isinstance(given, Designed) else repr(given)
    return name if len(name) <= _LONGEST else f"schedule {place}"


def designed_text(wanted: Designed, problems: Sequence[Problem]) -> str:
    """Return the family's schedule of the lowest mean test loss over problems, as a text.

    Its rates are in units of each problem's largest stable one.
    """
    found = design(
        joined(problems),
        "best",
        wanted.family,
        steps=wanted.steps,
        flow=wanted.flow,
        starts=wanted.starts,
        seed=wanted.seed,
    )
    return _text(found.schedule)


def _text(schedule: Schedule) -> str:
    parts = []
    for phase in schedule.phases:
        if isinstance(phase, GradientFlow):
            parts.append(f"flow({phase.time!r})" if math.isfinite(phase.time) else "flow")
        else:
            rates = phase.learning_rates().tolist()
            parts += [f"gd({rate!r}, {len(list(run))})" for rate, run in itertools.groupby(rates)]
    return " > ".join(parts) or "flow(0)"
