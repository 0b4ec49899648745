"""The names that claims may use, and their values."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from isoloss.checker.errors import RejectedError
from isoloss.checker.expressions import truth
from isoloss.checker.grammar import ParsedExpression
from isoloss.checker.numbers import Range
from isoloss.checker.runs import Data

__all__ = ["demanded", "follows", "given", "is_known", "is_reserved", "prefixed"]

# of a run, besides its parts
_FIELDS = ("test_loss", "train_loss", "time", "last_rate", "steps", "reached")


def given(data: Data) -> dict[str, Range | bool]:
    """Return the values that claims may use besides runs: γ_i, λ_i, δ_i(0)² and the level."""
    found: dict[str, Range | bool] = {} if data.level is None else {"level": data.level}
    for what, values in (("train", data.train), ("test", data.test), ("square", data.squares)):
        found |= {f"{what}{i + 1}": value for i, value in enumerate(values)}
    return found


def is_known(name: str, schedules: Container[str], d: int, *, level: bool) -> bool:
    """Return whether claims may use a name, for problems with d directions."""
    start, _, field = name.rpartition(".")
    if start in schedules and (field in _FIELDS or _numbered(field, ("part",), d)):
        return True
    return not start and (
        (level and field == "level") or _numbered(field, ("train", "test", "square"), d)
    )


def _numbered(name: str, words: Sequence[str], d: int) -> bool:
    found = re.fullmatch(r"([a-z]+)([1-9][0-9]{0,8})", name)
    return found is not None and found[1] in words and int(found[2]) <= d


def is_reserved(name: str, *, parameter: bool = False) -> bool:
    """Return whether claims use a name for something other than a schedule or parameter."""
    if parameter and name in _FIELDS:
        return True
    return bool(re.fullmatch(r"level|max_lr|(train|test|square|part)[0-9]+", name))


def demanded(
    claim: ParsedExpression, schedules: Iterable[str], *, level: bool, stated: list[str]
) -> list[str]:
    """Return the schedules that must reach the level: a claim uses them without ``reached``.

    Raises `RejectedError` if the certificate states other schedules.
    """
    used: dict[str, set[str]] = {}
    for name in claim.names if level else ():
        start, _, field = name.rpartition(".")
        if field in _FIELDS or re.fullmatch(r"part[0-9]+", field):
            used.setdefault(start, set()).add(field)
    found = [name for name in schedules if name in used and "reached" not in used[name]]
    if stated != found:
        raise RejectedError("the claim needs other schedules to reach the level than those stated")
    return found


def follows(
    claim: ParsedExpression, values: Mapping[str, Range | bool], at_level: Iterable[str]
) -> bool | None:
    """Return whether a claim holds and the ``at_level`` schedules reach it; None if undecided."""
    if not all(values[f"{name}.reached" if name else "reached"] for name in at_level):
        return False
    return truth(claim, values)


def prefixed(found: Mapping[str, Range | bool], name: str) -> dict[str, Range | bool]:
    """Prefix quantities with the name of their schedule."""
    return {f"{name}.{key}" if name else key: value for key, value in found.items()}
