"""The names that claims may use, and their values."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flint import fmpq

from isoloss.proof.dynamics import EnclosedProblem, StopEnclosure
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import Value

__all__ = ["check_claim", "check_parameter_names", "check_schedule_names", "quantities"]

_GIVEN = ("train", "test", "square")
_OF_RUN = ("test_loss", "train_loss", "time", "last_rate", "steps", "reached")
_TAKEN = re.compile(r"level|max_lr|(train|test|square|part)[0-9]+")


def quantities(
    spectrum: EnclosedProblem, stops: Mapping[str, StopEnclosure], level: Value | None
) -> dict[str, Value | bool]:
    """Return the values of the names that a claim may use."""
    found: dict[str, Value | bool] = {} if level is None else {"level": level}
    for what, values in zip(_GIVEN, (spectrum.train, spectrum.test, spectrum.squares), strict=True):
        found |= {f"{what}{i + 1}": value for i, value in enumerate(values)}
    for name, stop in stops.items():
        own = {each: getattr(stop, each) for each in _OF_RUN} | {"steps": fmpq(stop.steps)}
        own |= {f"part{i + 1}": part for i, part in enumerate(stop.parts)}
        # an infinite time has no value, and neither has the rate of a step that is whole
        found |= {_dotted(name, key): value for key, value in own.items() if value is not None}
    return found


def check_schedule_names(names: Iterable[Any]) -> None:
    """Raise ``ValueError`` for a name that is not a word or is already taken."""
    for name in names:
        if name != "":
            _check_word("schedule", name)
        if _TAKEN.fullmatch(name):
            raise ValueError(f"a schedule may not be called {name!r}: the name is already taken")


def check_parameter_names(names: Iterable[Any], *, alone: bool) -> None:
    """Raise ``ValueError`` for an unusable name; fewer are taken ``alone``, without a problem."""
    for name in names:
        _check_word("parameter", name)
        if name == "reached" or (not alone and (name in _OF_RUN or _TAKEN.fullmatch(name))):
            raise ValueError(f"a parameter may not be called {name!r}: the name is already taken")


def _check_word(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"the name of a {what} must be a word; got {name!r}")
    if not name.isascii():
        raise ValueError(
            f"the name of a {what} must have ASCII letters only, of which no two look alike; got "
            f"{name!r}"
        )


def check_claim(
    claim: Expression,
    schedules: Iterable[str],
    d: int,
    *,
    level: bool,
    parameters: Iterable[str] = (),
) -> list[str]:
    """Raise ``ValueError`` for an unknown name; return the schedules that must reach the level.

    These are the schedules that the claim mentions without using their ``reached``.
    """
    fields = [*_OF_RUN, *(f"part{i + 1}" for i in range(d))]
    own = {name: {_dotted(name, each): each for each in fields} for name in schedules}
    known = {f"{what}{i + 1}" for what in _GIVEN for i in range(d)}
    claim.check_names(known.union(*own.values(), parameters, ["level"] if level else ()))
    used = {name: {own[name][each] for each in claim.names & own[name].keys()} for name in own}
    return [name for name in own if level and used[name] and "reached" not in used[name]]


def _dotted(schedule: str, field: str) -> str:
    return f"{schedule}.{field}" if schedule else field
