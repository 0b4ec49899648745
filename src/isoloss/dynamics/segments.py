"""Phases in pieces, each of which training solves in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from isoloss.schedules.phases import GradientDescent, GradientFlow, Steps
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["Piece", "chunks", "kinds", "pieces", "side_by_side"]

_STRETCH = 8192  # changing rates between two looks at whether all levels are reached


class Piece(NamedTuple):
    """A flow of ``amount`` time, or ``steps`` GD steps of one rate, or of a rate each.

    The numbers of a ``"flow"`` or a ``"rate"`` may be arrays (B, 1), one for each problem.
    """

    kind: str
    amount: Any
    steps: Any


def pieces(phase: Phase) -> Iterator[Piece]:
    """Split a phase without momentum."""
    if isinstance(phase, GradientFlow):
        yield Piece("flow", phase.time, 0)
        return
    assert isinstance(phase, GradientDescent)
    for lr, steps in chunks(phase):
        yield Piece("rate" if isinstance(lr, float) else "rates", lr, steps)


def chunks(phase: Steps) -> Iterator[tuple[Any, int]]:
    """Split into runs of one rate, and stretches of changing ones after which all may be over."""
    for lr, steps in phase.runs():
        if isinstance(lr, float):
            yield lr, steps
            continue
        for start in range(0, steps, _STRETCH):
            yield lr[start : start + _STRETCH], min(_STRETCH, steps - start)


def kinds(schedule: Schedule) -> tuple[str, ...] | None:
    """Return the kinds of a schedule's pieces; None if it has momentum or changing rates."""
    if not all(isinstance(phase, GradientDescent | GradientFlow) for phase in schedule.phases):
        return None
    found = tuple(piece.kind for piece in _lane(schedule))
    return None if "rates" in found else found


def side_by_side(schedules: Sequence[Schedule]) -> list[Piece]:
    """Return the pieces of B schedules of the same `kinds` as common ones."""
    return [
        Piece(row[0].kind, *(np.array([piece[k] for piece in row], float)[:, None] for k in (1, 2)))
        for row in zip(*(_lane(schedule) for schedule in schedules), strict=True)
    ]


def _lane(schedule: Schedule) -> list[Piece]:
    """Return a schedule's pieces, first of all steps: flow is of a kind with annealed ones."""
    found = [piece for phase in schedule.phases for piece in pieces(phase)]
    return found if found and found[0].kind != "flow" else [Piece("rate", 0.0, 0), *found]
