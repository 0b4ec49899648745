"""Check claims for all parameters in a box on each of the boxes it was cut into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from isoloss.checker.errors import LimitError, RejectedError, shown
from isoloss.checker.expressions import truth
from isoloss.checker.families import Family
from isoloss.checker.grammar import ParsedExpression, claim
from isoloss.checker.names import demanded, follows
from isoloss.checker.numbers import OpenError, Range, fraction
from isoloss.checker.work import spend

__all__ = ["check_boxes"]

Sides = list[tuple[fmpq, fmpq]]

_MOST_CUTS = 1000  # successive halvings of one box


def check_boxes(content: Mapping[str, Any]) -> None:
    """Raise `RejectedError` unless the claim holds on all boxes or fails at the given point."""
    statement = _Statement.read(content)
    whole = [(fraction(low), fraction(high)) for low, high in content["box"].values()]
    if any(low > high for low, high in whole):
        raise RejectedError("a range of the box has its lower end above its upper end")
    if content["verdict"] == "disproved":
        _check_counterexample(content, statement, whole)
    elif content["counterexample"] is not None:
        raise RejectedError("a proved claim has no counterexample")
    else:
        _check_tree(content["tree"], statement, whole)


@dataclass(frozen=True)
class _Statement:
    """A claim about parameters and the problems that depend on them."""

    names: list[str]
    claim: ParsedExpression
    family: Family | None
    at_level: list[str]

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> _Statement:
        """Parse all texts of a certificate before evaluating any."""
        names, family = content["box"].keys(), None
        if content["family"] is not None:
            family = Family.read(content["family"], names)
        inequality = claim(content["claim"]).known(
            lambda name: name in names or (family is not None and family.knows(name))
        )
        at_level: list[str] = []
        if family is not None:
            has_level, stated = family.level is not None, content["family"]["at_level"]
            at_level = demanded(inequality, family.schedules, level=has_level, stated=stated)
        return cls(list(names), inequality, family, at_level)

    def holds(self, box: Sides) -> bool | None:
        """Return whether the claim holds on a whole box, or None if that is undecided."""
        ranges = [Range.between(low, high) for low, high in box]
        values = dict(zip(self.names, ranges, strict=True))
        if self.family is None:
            return truth(self.claim, values)
        try:
            ways = self.family.ways(values)
            found = {follows(self.claim, {**values, **way}, self.at_level) for way in ways}
        except OpenError:
            return None
        return found.pop() if len(found) == 1 else None


def _check_counterexample(content: Mapping[str, Any], statement: _Statement, whole: Sides) -> None:
    point = [fraction(value) for value in content["counterexample"] or ()]
    inside = len(point) == len(whole) and all(
        low <= value <= high for value, (low, high) in zip(point, whole, strict=True)
    )
    if content["counterexample"] is None or not inside or content["tree"] != "":
        raise RejectedError("the counterexample is not a point of the box")
    if statement.holds([(value, value) for value in point]) is not False:
        raise RejectedError("the claim is not false at the counterexample")


def _check_tree(tree: str, statement: _Statement, whole: Sides) -> None:
    """Check each box, in the order in which the cuts create them."""
    waiting = [(whole, 0)]
    for mark in tree:
        if not waiting:
            raise RejectedError("there are more boxes than the cuts make")
        box, cuts = waiting.pop()
        spend(1 + len(box))
        if mark == ".":
            if statement.holds(box) is not True:
                raise RejectedError(f"the claim does not follow in the box {shown(box)}")
            continue
        axis = ord(mark) - ord("a")
        if not 0 <= axis < len(box):
            raise RejectedError(
                f"{shown(mark)} is not an axis of the box; an undecided box proves nothing"
            )
        if cuts == _MOST_CUTS:
            raise LimitError(f"a box is cut more than {_MOST_CUTS} times, the limit")
        low, high = box[axis]
        middle = (low + high) / 2
        halves = ((middle, high), (low, middle))
        waiting += [([*box[:axis], half, *box[axis + 1 :]], cuts + 1) for half in halves]
    if waiting:
        raise RejectedError("there are fewer boxes than the cuts make")
