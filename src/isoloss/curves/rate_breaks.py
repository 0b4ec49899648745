"""Steps at which a learning rate turns or jumps, so that the loss curve has a kink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["rate_breaks"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_POINTS = 2000  # at most so many of the rates are looked at
_AROUND = 0.01  # the share of a run over which a slope is taken
_KINK = 0.5  # the least change of slope, in peaks per run; a cosine has 0.05 at most
_JUMP = 0.05  # the least jump between two points, in peaks
_MOST = 20  # breaks; the many cycles of a periodic rate are not worth a piece each


def rate_breaks(rates: Floats) -> Steps:
    """Return the steps, in increasing order, after which the rate turns or jumps.

    Examples
    --------
    >>> ramp, cool_down = np.linspace(0, 1, 51)[1:], np.linspace(1, 0, 301)[1:]
    >>> rate_breaks(np.concatenate([ramp, np.ones(650), cool_down]))
    array([ 50, 700])
    >>> rate_breaks(1 + np.cos(np.linspace(0, np.pi, 1000)))
    array([], dtype=int64)
    """
    steps = rates.size
    at = np.unique(np.linspace(1, steps, min(_POINTS, steps)).round().astype(np.int64))
    known = rates[at - 1] / rates.max()
    width = max(1, round(_AROUND * (at.size - 1)))
    if at.size <= 2 * width:
        return np.zeros(0, dtype=np.int64)
    inner = at[width:-width]
    after = (known[2 * width :] - known[width:-width]) / (at[2 * width :] - inner)
    before = (known[width:-width] - known[: -2 * width]) / (inner - at[: -2 * width])
    change = np.abs(after - before) * steps
    # a jump is in the windows of all places near it
    jumps = np.flatnonzero(np.abs(np.diff(known)) > max(_JUMP, 20 / at.size))
    found = at[jumps].tolist() if jumps.size <= _MOST else []
    for jump in jumps.tolist():  # change[0] is at the point of number width
        change[max(0, jump - 2 * width) : max(0, jump + 1)] = 0.0
    while len(found) < _MOST and change.max() > _KINK:
        place = int(change.argmax())
        found.append(int(inner[place]))
        change[max(0, place - 2 * width) : place + 2 * width + 1] = 0.0
    return np.unique(np.array(found, dtype=np.int64))
