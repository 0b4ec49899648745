"""Check a claim about runs with the enclosures that a certificate states."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from isoloss.checker.errors import RejectedError
from isoloss.checker.grammar import claim
from isoloss.checker.names import demanded, follows, given, is_known, is_reserved, prefixed
from isoloss.checker.numbers import Range, read
from isoloss.checker.possible_ends import outcomes
from isoloss.checker.runs import Data, Piece

__all__ = ["check_runs"]

_ZERO = Range.point(0)


def check_runs(content: Mapping[str, Any]) -> None:
    """Raise `RejectedError` unless each run is as stated and the verdict follows from the runs."""
    problem, runs = content["problem"], content["runs"]
    train, test, squares = (
        [read(value) for value in problem[key]] for key in ("train", "test", "start_squared")
    )
    level = None if content["level"] is None else read(content["level"])
    exact = content.get("last_step", "whole") == "exact"
    data = Data(train, test, squares, read(problem["noise"]), level, exact)
    numbers = [*train, *test, *squares, data.noise]
    if not len(train) == len(test) == len(squares) or any(v.below(_ZERO) for v in numbers):
        raise RejectedError("the spectra differ in length, or have negative entries")
    if level is not None and level.below(_ZERO):
        raise RejectedError("a level is negative")
    if not runs or any(map(is_reserved, runs)):
        raise RejectedError("there are no runs, or the name of one is already taken")
    known = partial(is_known, schedules=runs, d=len(train), level=level is not None)
    inequality = claim(content["claim"]).known(known)
    at_level = demanded(inequality, runs, level=level is not None, stated=content["at_level"])
    values = given(data)
    for name, run in runs.items():
        values |= prefixed(_stated(data, run), name)
    if follows(inequality, values, at_level) is not (content["verdict"] == "proved"):
        raise RejectedError("the claim does not follow from the enclosures")


def _stated(data: Data, run: Mapping[str, Any]) -> dict[str, Range | bool]:
    """Return a run's enclosures after checking that each contains the actual value."""
    schedule: list[Piece] = []
    for kind, amount, *count in run["schedule"]:
        number = None if amount is None else read(amount)
        if number is not None and number.below(_ZERO):
            raise RejectedError("a rate or a time is negative")
        schedule.append((kind, number, *(count or [0])))
    if len(run["parts"]) != len(data.train):
        raise RejectedError("the run must have one part for each direction of the problem")
    times = {} if run["inside"] is None else {run["piece"]: read(run["inside"])}
    ends = outcomes(data, schedule, times)
    said = (run["reached"], run["piece"], run["steps"], bool(times))
    if [(end.reached, end.piece, end.steps, end.inside) for end in ends] != [said]:
        raise RejectedError("the run may end elsewhere than stated")
    found = ends[0].values
    stated = {key: found[key] for key in ("steps", "reached")}
    named = {f"part{i + 1}": ends for i, ends in enumerate(run["parts"])}
    for key in ("test_loss", "train_loss", "time", "last_rate"):
        named[key] = run.get(key)
    for key, ends in named.items():
        real = found.get(key)
        if ends is None and real is None:  # an infinite time, or no step that is shortened
            continue
        enclosure = None if ends is None else read(ends)
        if enclosure is None or not isinstance(real, Range) or not enclosure.holds(real):
            raise RejectedError(f"the enclosure of {key} does not contain its value")
        stated[key] = enclosure
    return stated
