"""Claims for all parameters in a box, checked on each of the boxes that it was cut into."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flint import fmpq

from isoloss.checker.expressions import number, truth
from isoloss.checker.numbers import OpenError, Range, read
from isoloss.checker.outcomes import outcomes
from isoloss.checker.runs import Data, Piece, RejectedError, demanded, given, prefixed

__all__ = ["check_boxes"]

Sides = list[tuple[fmpq, fmpq]]

_FAMILY = {"train", "test", "start_squared", "noise", "level", "schedules", "at_level"}


def check_boxes(content: Mapping[str, Any]) -> None:
    """Raise `RejectedError` unless the claim holds on all boxes, or fails at the point given."""
    whole: Sides = []
    for ends in content["box"].values():
        low, high = (read(end).exact for end in ends)
        if low is None or high is None or low > high:
            raise RejectedError("the box is no box")
        whole.append((low, high))
    family = content["family"]
    if family is not None:
        at_level = demanded(content["claim"], family["schedules"])
        if set(family) != _FAMILY or family["at_level"] != (
            [] if family["level"] is None else at_level
        ):
            raise RejectedError("the family is not one of problems")
    if content["verdict"] == "disproved":
        _check_counterexample(content, whole)
    elif content["counterexample"] is not None:
        raise RejectedError("a proved claim has no counterexample")
    else:
        _check_tree(content, whole)


def _check_counterexample(content: Mapping[str, Any], whole: Sides) -> None:
    point = [read(value) for value in content["counterexample"]]
    inside = len(point) == len(whole) and all(
        p.exact is not None and a <= p.exact <= b for p, (a, b) in zip(point, whole, strict=True)
    )
    if not inside or content["tree"] != "":
        raise RejectedError("the counterexample is not a point of the box")
    values = dict(zip(content["box"], point, strict=True))
    if _holds(content["claim"], content["family"], values) is not False:
        raise RejectedError("the claim is not false at the counterexample")


def _check_tree(content: Mapping[str, Any], whole: Sides) -> None:
    """Check each box in the order in which the cuts make them."""
    waiting = [whole]
    for mark in content["tree"]:
        if not waiting:
            raise RejectedError("there are more boxes than the cuts make")
        box = waiting.pop()
        if mark == ".":
            ranges = [
                Range.point(a) if a == b else Range(Range.point(a).lo, Range.point(b).hi)
                for a, b in box
            ]
            values = dict(zip(content["box"], ranges, strict=True))
            if _holds(content["claim"], content["family"], values) is not True:
                raise RejectedError(f"the claim does not follow in the box {box}")
            continue
        axis = ord(mark) - ord("a")
        if not 0 <= axis < len(box):
            raise RejectedError(f"there is no axis {mark!r}, and a box left over proves nothing")
        low, high = box[axis]
        middle = (low + high) / 2
        halves = (middle, high), (low, middle)
        waiting += [[*box[:axis], half, *box[axis + 1 :]] for half in halves]
    if waiting:
        raise RejectedError("there are fewer boxes than the cuts make")


def _holds(claim: str, family: Mapping[str, Any] | None, values: dict[str, Range]) -> bool | None:
    try:
        if family is None:
            return truth(claim, {**values})
        found = [
            truth(claim, {**values, **way})
            and all(way[f"{name}.reached" if name else "reached"] for name in family["at_level"])
            for way in _ways(family, values)
        ]
    except (OpenError, RejectedError):
        return None
    return found[0] if len(set(found)) == 1 else None


def _ways(family: Mapping[str, Any], values: dict[str, Range]) -> Iterator[dict[str, Range | bool]]:
    """Yield what claims may speak of, for each way in which the schedules may end."""
    parts = {
        what: [number(each, values) for each in family[what]]
        for what in ("train", "test", "start_squared", "noise")
    }
    zero = Range.point(0)
    for each in (value for ranges in parts.values() for value in ranges):
        if not zero.at_most(each):
            raise RejectedError("a curvature, a square or the noise may be negative")
    level = None if family["level"] is None else number(family["level"], values)
    if level is not None and not zero.at_most(level):
        raise RejectedError("the level may be negative")
    data = Data(parts["train"], parts["test"], parts["start_squared"], parts["noise"][0], level)
    top = number(
        f"max({', '.join(f't{i}' for i in range(len(data.train)))})",
        {f"t{i}": g for i, g in enumerate(data.train)},
    )
    if not (top.is_zero or zero.below(top)):
        raise RejectedError("it is open whether there is any curvature")
    unit = Range.point(1) if top.is_zero else Range.point(1) / top
    ends = [
        [
            prefixed(end, name)
            for end in outcomes(data, _pieces(text, {**values, "max_lr": unit}, unit))
        ]
        for name, text in family["schedules"].items()
    ]
    for some in itertools.product(*ends):
        known = given(data)
        for each_end in some:
            known |= each_end
        if values.keys() & {*known, "time", "max_lr"}:
            raise RejectedError("a parameter has the name of another thing")
        yield known


def _pieces(text: str, values: dict[str, Range], unit: Range) -> Sequence[Piece]:
    """Read ``"gd(RATE, K) > flow"`` with rates in units of the largest stable one."""
    pieces: list[Piece] = []
    for part in _outside(text, ">"):
        name, _, rest = part.strip().partition("(")
        arguments = _outside(rest.strip().removesuffix(")"), ",") if rest else []
        if name.strip() == "gd" and len(arguments) == 2:
            count = read(arguments[1].strip()).exact
            if count is None or count.q != 1 or count < 0:
                raise RejectedError(f"{part!r} has no number of steps")
            pieces.append(("gd", _amount(arguments[0], values) * unit, int(count.p)))
        elif name.strip() == "flow" and len(arguments) <= 1:
            time = _amount(arguments[0], values) * unit if arguments else None
            pieces.append(("flow", time, 0))
        else:
            raise RejectedError(f"{part!r} is no piece of a schedule")
    return pieces


def _amount(text: str, values: dict[str, Range]) -> Range:
    found = number(text.strip(), values)
    if not Range.point(0).at_most(found):
        raise RejectedError("a rate or a time may be negative")
    return found


def _outside(text: str, mark: str) -> list[str]:
    found, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return found
