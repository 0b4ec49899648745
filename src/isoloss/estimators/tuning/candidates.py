"""The schedules that a search tries: given schedules, and families designed on its folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isoloss._messages.near_misses import suggest
from isoloss.comparison import family_names
from isoloss.optimize import design
from isoloss.problems.batching import joined
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import Given, read, read_all
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["Candidate", "Designed", "designed", "read_schedules"]

_FLOW = "+flow"
_LONGEST = 60  # characters of a name in results and figures


@dataclass(frozen=True)
class Designed:
    """A family of schedules; `ScheduleSearchCV` tries its best member on the folds.

    Attributes
    ----------
    family : str, default: "rates"
        As for `isoloss.design`: "annealed", "two-rate", "decreasing", "rates" (free rates), or a
        function of `isoloss.families` that needs only its rates.
    steps : int, default: 16
        The number of steps; for annealed and two-rate schedules, the largest number.
    flow : bool, default: False
        Whether gradient flow follows the steps, as it always does for "annealed".
    starts, seed : int
        The number of starts of the search, and the seed of random starts.

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
        """The family's name in results and figures."""
        steps = "" if self.steps == Designed.steps else f", {self.steps} steps"
        return f"{self.family}{_FLOW if self.flow else ''}{steps}"

    def __str__(self) -> str:
        return self.name


Candidate = Given | Designed


def read_schedules(
    schedules: Candidate | Iterable[Candidate] | Mapping[str, Candidate],
) -> dict[str, Candidate]:
    """Return candidates by name; a text that names a family becomes a `Designed`."""
    found = read_all(schedules, _read, Candidate)
    if not isinstance(schedules, Mapping):
        found = {
            name if len(name) <= _LONGEST else f"schedule {place}": each
            for place, (name, each) in enumerate(found.items(), 1)
        }
    # texts stay texts, since people read an estimator's parameters
    return {n: (each.text or each) if isinstance(each, Spec) else each for n, each in found.items()}


def _read(given: Candidate) -> Spec | Schedule | Designed:
    if isinstance(given, Designed):
        return given
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
    return read(given)


def designed(wanted: Designed, problems: Sequence[Problem]) -> Spec:
    """Return the family's schedule with the lowest mean test loss over problems.

    Its rates are in units of each problem's largest stable rate.
    """
    options = dataclasses.asdict(wanted)
    return Spec(design(joined(problems), family=options.pop("family"), **options).schedule)
