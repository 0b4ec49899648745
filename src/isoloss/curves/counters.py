"""Convert what the rows of a log count (micro-batches, tokens or epochs) to optimizer steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short

__all__ = ["hold", "steps_of_counter", "steps_of_epochs"]

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-6
_SEVERAL_ROWS = 0.75  # steps from row to row, below which a step has several rows


def steps_of_counter(counter: Floats, every: float, name: str) -> tuple[Floats, list[str]]:
    """Return the optimizer steps done at each row, ``every`` units of the counter each, and notes.

    If a step has several rows, all of them get the number of steps done at its end.
    """
    if every == 1:
        return counter, []
    exact = counter / every
    between = np.abs(np.diff(exact))
    if between.size and np.nanmedian(between) < _SEVERAL_ROWS:
        steps = np.ceil(exact - _ROUNDING)
        return steps, [f"Rows within one step ({every:.12g} of '{name}') were averaged."]
    steps = np.round(exact)
    off = np.abs(exact - steps) > _ROUNDING * np.maximum(1, steps)
    if not off.any():
        return steps, []
    row = int(off.argmax())
    return steps, [
        f"In {off.sum()} of {counter.size} rows, '{name}' is not a multiple of every={every:.12g} "
        f"(first {counter[row]:.15g}, {short(float(exact[row]))} steps); these rows were rounded "
        "to whole steps."
    ]


def steps_of_epochs(epochs: Floats, steps_per_epoch: int, name: str) -> tuple[Floats, list[str]]:
    """Return the steps done by the end of each epoch, which may count from 0 as in Keras; notes."""
    from_zero = epochs.size > 0 and np.nanmin(epochs) == 0 and (epochs == np.floor(epochs)).all()
    if not from_zero:
        return np.round(epochs * steps_per_epoch), []
    return (epochs + 1) * steps_per_epoch, [
        f"'{name}' counts from 0, as Keras does: the row of epoch 0 is taken to come after "
        f"{steps_per_epoch} steps."
    ]


def hold(step: Floats, lr: Floats) -> Floats:
    """Return the rate of each step as that of the next row, for rates set once per epoch."""
    done = np.arange(1, int(step[-1]) + 1)
    return lr[np.searchsorted(step, done)]
