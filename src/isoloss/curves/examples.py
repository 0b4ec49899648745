"""Logged runs that come with isoloss."""

from __future__ import annotations

from pathlib import Path

from isoloss._messages.near_misses import quoted, suggest
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.reading import read

__all__ = ["SHIPPED", "load"]

SHIPPED = ("bytes",)
"""The names of the runs that come with isoloss."""

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
    FileNotFoundError
        If this installation lacks their file.

    Examples
    --------
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
    path = Path(__file__).with_name(f"{name}.csv")
    if not path.exists():
        raise FileNotFoundError(
            f"the runs '{name}' are missing: this installation of isoloss lacks {path.name}"
        )
    return read(path, weight_decay=_WEIGHT_DECAY[name])
