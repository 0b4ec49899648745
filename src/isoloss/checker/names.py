"""The names that claims may have, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from isoloss.checker.numbers import Range
from isoloss.checker.runs import Data

__all__ = ["demanded", "given", "is_reserved", "known_names", "prefixed"]

_FIELDS = ("test_loss", "train_loss", "time", "steps", "reached")  # of a run, beside its parts


def given(data: Data) -> dict[str, Range | bool]:
    """Return what claims speak of besides runs: γ_i, λ_i, δ_i(0)² and the level."""
    found: dict[str, Range | bool] = {} if data.level is None else {"level": data.level}
    for what, values in (("train", data.train), ("test", data.test), ("square", data.squares)):
        found |= {f"{what}{i + 1}": value for i, value in enumerate(values)}
    return found


def known_names(schedules: Iterable[str], d: int, *, level: bool) -> set[str]:
    """Return the names of all that claims may speak of."""
    fields = [*_FIELDS, *(f"part{i + 1}" for i in range(d))]
    known = {f"{name}.{each}" if name else each for name in schedules for each in fields}
    known |= {f"{what}{i + 1}" for what in ("train", "test", "square") for i in range(d)}
    return known | {"level"} if level else known


def is_reserved(name: str, *, parameter: bool = False) -> bool:
    """Whether a schedule may not be called so, or a parameter: claims mean another thing by it."""
    if parameter and name in _FIELDS:
        return True
    return bool(re.fullmatch(r"level|max_lr|(train|test|square|part)[0-9]+", name))


def demanded(names: AbstractSet[str], schedules: Iterable[str]) -> list[str]:
    """Return the schedules that a claim speaks of without saying that they are reached."""
    found = []
    for schedule in schedules:
        start = f"{schedule}." if schedule else ""
        used = {name.removeprefix(start) for name in names if name.startswith(start)}
        used = {each for each in used if each in _FIELDS or re.fullmatch(r"part[0-9]+", each)}
        if used and "reached" not in used:
            found.append(schedule)
    return found


def prefixed(found: Mapping[str, Range | bool], name: str) -> dict[str, Range | bool]:
    """Put a schedule's name before what a claim says of it."""
    return {f"{name}.{key}" if name else key: value for key, value in found.items()}
