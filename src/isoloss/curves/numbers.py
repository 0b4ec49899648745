"""Check the numbers that users give for a logged run."""

from __future__ import annotations

import operator
import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short

__all__ = [
    "check_finite",
    "check_measured",
    "column",
    "constant",
    "count",
    "decay",
    "number",
    "planned_steps",
    "real",
    "text",
    "whole_steps",
]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

MOST_STEPS = 10**8  # a run keeps the rate of each step: 800 MB


def real(name: str, given: Any) -> Floats:
    """Return real numbers as a new array; None is NaN."""
    try:
        found = np.asarray(given)
        # booleans, texts, times and complex numbers are not real numbers
        if found.dtype.kind in "iuf" or (found.dtype.kind == "O" and not _has_texts(found)):
            return np.array(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is PyTorch's
        pass
    raise TypeError(f"{name} must be numbers; got {reprlib.repr(given)}")


def number(name: str, given: Any) -> float:
    """Return one real number."""
    found = real(name, given)
    if found.shape:
        raise TypeError(f"{name} must be a number; got {given!r}")
    return float(found)


def column(name: str, given: Any, rows: int | None = None) -> Floats:
    """Return a number for each row of a log."""
    found = real(name, given)
    if found.ndim != 1:
        raise ValueError(f"{name} must have one axis, a number for each row; got {found.shape}")
    if rows is not None and found.size != rows:
        raise ValueError(f"{name} has {found.size} entries, but step has {rows}; give one for each")
    return found


def whole_steps(given: Any) -> Steps:
    """Return the steps of the rows as integers, in the order given."""
    found = column("step", given)
    if not found.size:
        raise ValueError("step is empty; a loss curve needs at least two rows")
    for wrong, fault in (
        (~np.isfinite(found), "every row needs the number of optimizer steps done"),
        (found < 0, "steps count from 0"),
        (found != np.floor(found), "steps are whole numbers; multiply epochs by their steps"),
        (
            found > MOST_STEPS,
            f"at most {MOST_STEPS:.0e} steps are accepted; divide tokens or rows of data by the "
            "number of them in a step (every= of curves.read)",
        ),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"step[{row}] is {found[row]:.15g}; {fault}")
    return found.astype(np.int64)


def count(name: str, given: Any, least: int) -> int:
    """Return an integer of at least ``least``."""
    try:
        found = operator.index(given)
    except TypeError:
        found = None
    if found is None or isinstance(given, bool):
        raise TypeError(f"{name} must be an integer; got {type(given).__name__} {given!r}")
    if found < least:
        raise ValueError(f"{name} must be at least {least}; got {found}")
    return found


def planned_steps(name: str, given: Any, least: int) -> int:
    """Return the number of steps of a run that is planned."""
    found = count(name, given, least)
    if found > MOST_STEPS:
        raise ValueError(f"{name} must be at most {MOST_STEPS:.0e}; got {found}")
    return found


def check_finite(name: str, losses: Floats, steps: Steps) -> None:
    """Raise ``ValueError`` for an infinite loss, with its row."""
    infinite = np.isinf(losses)
    if infinite.any():
        row = int(infinite.argmax())
        raise ValueError(
            f"{name}[{row}] is {losses[row]}: the run diverged at or before step {steps[row]}; "
            "give the rows before it, or NaN if it was not measured there"
        )


def check_measured(losses: Floats, steps: Steps) -> None:
    """Raise ``ValueError`` unless two steps have a loss, and training took place."""
    found = int(np.count_nonzero(~np.isnan(losses)))
    if found < 2:
        raise ValueError(
            f"a loss curve needs at least two steps with a loss; got {found} in {losses.size} rows"
        )
    if steps[-1] < 1:
        raise ValueError(
            "the last row is at step 0, before any training; is step the right column?"
        )


def constant(losses: Floats) -> list[str]:
    """Return a sentence on losses that are all the same."""
    measured = losses[~np.isnan(losses)]
    if measured.size > 2 and (measured == measured[0]).all():
        return [
            f"Every row has the same loss, {short(float(measured[0]))}; is it the right column?"
        ]
    return []


def decay(given: Any) -> float:
    """Return a weight decay."""
    found = real("weight_decay", given)
    if found.ndim or not 0 <= found < np.inf:
        raise ValueError(f"weight_decay must be a number of at least 0; got {given!r}")
    return float(found)


def text(name: Any) -> str:
    """Return a text."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a text; got {type(name).__name__} {name!r}")
    return name


def _has_texts(values: npt.NDArray[np.object_]) -> bool:
    return any(isinstance(each, str | bytes | bool) for each in values.flat)
