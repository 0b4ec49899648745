"""What claims may speak of: the names, and what they stand for."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flint import fmpq

from isoloss.proof.dynamics import EnclosedProblem, StopEnclosure
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import Value

__all__ = ["at_level", "check_schedule_names", "known_names", "not_reached", "quantities"]

_GIVEN = ("train", "test", "square")
_OF_RUN = ("test_loss", "train_loss", "time", "steps", "reached")
_TAKEN = re.compile(r"level|max_lr|(train|test|square|part)[0-9]+")


def quantities(
    spectrum: EnclosedProblem, stops: Mapping[str, StopEnclosure], level: Value | None
) -> dict[str, Value | bool]:
    """Return what a claim may speak of."""
    found: dict[str, Value | bool] = {} if level is None else {"level": level}
    for what, values in zip(_GIVEN, (spectrum.train, spectrum.test, spectrum.squares), strict=True):
        found |= {f"{what}{i + 1}": value for i, value in enumerate(values)}
    for name, stop in stops.items():
        own: dict[str, Value | bool] = {
            "test_loss": stop.test_loss,
            "train_loss": stop.train_loss,
            "steps": fmpq(stop.steps),
            "reached": stop.reached,
            **{f"part{i + 1}": part for i, part in enumerate(stop.parts)},
        }
        if stop.time is not None:
            own["time"] = stop.time
        found |= {_dotted(name, each): value for each, value in own.items()}
    return found


def known_names(schedules: Iterable[str], d: int, *, level: bool) -> set[str]:
    """Return the names of `quantities`."""
    known = {_dotted(name, each) for name in schedules for each in _of_run(d)}
    known |= {f"{what}{i + 1}" for what in _GIVEN for i in range(d)}
    return known | {"level"} if level else known


def check_schedule_names(names: Iterable[Any]) -> None:
    """Raise ``ValueError`` for a name that is no word, or means another thing."""
    for name in names:
        if name != "":
            _check_word("schedule", name)
        if _TAKEN.fullmatch(name):
            raise ValueError(f"a schedule may not be called {name!r}: that is another thing")


def check_parameter_names(names: Iterable[Any], *, alone: bool) -> None:
    """Raise ``ValueError`` for a name as `check_schedule_names`; ``alone``: without a problem."""
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


def at_level(claim: Expression, schedules: Iterable[str], d: int) -> list[str]:
    """Return the schedules that must reach the level: those that a claim speaks of.

    One of which the claim has ``reached`` is left to it.
    """
    found = []
    for name in schedules:
        used = {each for each in _of_run(d) if _dotted(name, each) in claim.names}
        if used and "reached" not in used:
            found.append(name)
    return found


def not_reached(names: Sequence[str]) -> str:
    """Say which schedules do not reach the level."""
    named = [name or "the schedule" for name in names]
    return f"{' and '.join(named)} {'do' if len(named) > 1 else 'does'} not reach the level"


def _of_run(d: int) -> list[str]:
    """Return what a claim may say of a run."""
    return [*_OF_RUN, *(f"part{i + 1}" for i in range(d))]


def _dotted(schedule: str, field: str) -> str:
    return f"{schedule}.{field}" if schedule else field
