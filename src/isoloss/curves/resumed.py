"""Rows of a log that repeat steps, as those of a resumed run do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["one_row_a_step"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


def one_row_a_step(step: Steps, values: list[Floats]) -> tuple[Steps, list[Floats], list[str]]:
    """Return steps that increase, the values of each, and sentences on what was dropped.

    A run that is resumed goes back to a step that it logged before. Rows that it had logged from
    that step on belong to parameters that were given up, and are dropped. Of several rows with one
    step, the last value of each column that is not NaN is kept.

    Raises ``ValueError`` if steps go back without repeating one, or start again.
    """
    changes = np.diff(step)
    if (changes > 0).all():
        return step, values, []
    notes = []
    if (changes < 0).any():
        kept = _still_valid(step)
        step, values = step[kept], [each[kept] for each in values]
        notes.append(
            f"The run was resumed at step {step[_first_after(kept)]}: rows from this step on that "
            f"had been logged before were dropped ({(~kept).sum()})."
        )
    starts = np.flatnonzero(np.diff(step, prepend=-1))
    merged = [_last_measured(each, starts) for each in values]
    sizes = np.diff(starts, append=step.size)
    losing = np.zeros(starts.size, dtype=bool)
    for each, last in zip(values, merged, strict=True):
        differs = (each != np.repeat(last, sizes)) & ~np.isnan(each)
        losing |= np.logical_or.reduceat(differs, starts)
    if losing.any():
        first = step[starts[losing.argmax()]]
        notes.append(
            f"Several rows of one step differ ({losing.sum()} times, first at step {first}): the "
            "last one was kept."
        )
    return step[starts], merged, notes


def _still_valid(step: Steps) -> npt.NDArray[np.bool_]:
    """Return which rows are before the steps to which the run returns later."""
    returns = np.flatnonzero(np.diff(step) < 0) + 1
    _, first, place = np.unique(step, return_index=True, return_inverse=True)
    unrepeated = returns[first[place[returns]] >= returns]
    if unrepeated.size:
        row = int(unrepeated[0])
        raise ValueError(
            f"step[{row}] is {step[row]}, but step[{row - 1}] is {step[row - 1]}: steps must not "
            "decrease. Sort the rows by step; if the run was resumed from a checkpoint, drop the "
            "rows that were logged after the checkpoint before it was resumed"
        )
    again = returns[step[returns] <= step[0]]
    if again.size:
        row = int(again[0])
        raise ValueError(
            f"step[{row}] is {step[row]}, so the steps start again in that row: are these several "
            "runs? Give each its own LossCurve; in a file, a column 'run' tells them apart"
        )
    segment = np.zeros(step.size, dtype=np.intp)
    segment[returns] = 1
    segment = np.cumsum(segment)
    # the smallest step to which the run returns after each segment
    lowest = np.minimum.accumulate(step[returns][::-1])[::-1]
    limit = np.append(lowest, np.iinfo(np.int64).max)
    found: npt.NDArray[np.bool_] = step < limit[segment]
    return found


def _first_after(kept: npt.NDArray[np.bool_]) -> int:
    """Return the place, among kept rows, of the first one after dropped ones."""
    return int(kept[: int((~kept).argmax())].sum())


def _last_measured(values: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """Return the last value of each group of rows that is not NaN, or NaN."""
    rows = np.where(np.isnan(values), -1, np.arange(values.size))
    last = np.maximum.reduceat(rows, starts)
    return np.where(last >= 0, values[last], np.nan)
