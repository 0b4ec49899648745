"""Logged runs that come with isoloss."""

from __future__ import annotations

import warnings
from pathlib import Path

from isoloss._messages.near_misses import quoted, suggest
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.reading import read

__all__ = ["AVERAGED", "SHIPPED", "load"]

SHIPPED = ("bytes",)
"""The names of the runs that come with isoloss."""

AVERAGED = {"bytes": 50}
"""How many steps each of their train losses is a mean over."""

_WEIGHT_DECAY = {"bytes": 0.1}


def load(name: str) -> tuple[LossCurve, ...]:
    """Return logged runs that come with isoloss.

    ``"bytes"`` are runs of a transformer of 0.28 million parameters that predicts the next byte of
    a text. AdamW trained it with weight decay 0.1, under several schedules, peak rates, lengths and
    seeds. Losses are in nats per byte; a train loss is a mean over the 50 steps before its row.

    Parameters
    ----------
    name : {"bytes"}
        The name of the runs.

    Returns
    -------
    tuple of LossCurve
        The runs, with their train and test losses.

    Raises
    ------
    ValueError
        If no runs have this name.

    Examples
    --------
    >>> from isoloss.curves import load
    >>> runs = load("bytes")
    >>> print(len(runs), runs[0])
    16 LossCurve('const_3k_2e-3', 60 rows to step 3000, loss from 4.477 to 1.531, test loss in \
60 rows, peak lr 0.002)
    >>> load("byte")
    Traceback (most recent call last):
    ValueError: no runs of this name come with isoloss: 'byte' (did you mean 'bytes'?); there are \
'bytes'
    """
    if name not in SHIPPED:
        raise ValueError(
            f"no runs of this name come with isoloss: {name!r}{suggest(str(name), SHIPPED)}; there "
            f"are {quoted(SHIPPED)}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the notes of the runs say the same
        return read(Path(__file__).with_name(f"{name}.csv"), weight_decay=_WEIGHT_DECAY[name])
