"""Verdicts on runs at equal train loss, as sentences."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short

__all__ = ["verdict"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]


class Verdicts(Protocol):
    """A run or group at each level, such as `MatchedRuns`."""

    @property
    def difference(self) -> Floats:
        """The test loss minus the reference's."""

    @property
    def low(self) -> Floats:
        """The low end of its interval."""

    @property
    def high(self) -> Floats:
        """The high end of its interval."""

    @property
    def effects(self) -> Texts:
        """The verdict at each level."""

    @property
    def shared(self) -> float:
        """The last step up to which its rows are those of the reference."""


def verdict(name: str, judged: Verdicts, levels: Floats, rival: str) -> str:
    """Return a sentence on where a run or group generalizes better or worse than the reference."""
    effects = judged.effects
    parts = []
    for effect, side in (("helps", "lower"), ("hurts", "higher")):
        if (there := effects == effect).any():
            parts.append(
                f"{effect} at {_count(there)} (test loss {_sizes(judged.difference[there])} {side} "
                f"than that of {rival}; {_place(levels[there])})"
            )
    if (there := effects == "no difference").any():
        parts.append(
            f"makes no difference at {_count(there)} ({_place(levels[there])}; both runs are the "
            f"same until step {judged.shared:.0f})"
        )
    unknown, missing = effects == "cannot tell", effects == "not reached"
    if missing.all():
        return f"No level is reached by both {name} and {rival}."
    if parts:
        mixed = "is mixed: it " if {"helps", "hurts"} <= set(effects.tolist()) else ""
        text = f"At equal train loss, {name} {mixed}{' and '.join(parts)}"
        if unknown.any():
            text += f"; at {_count(unknown)} these runs cannot tell ({_range(judged, unknown)})"
    else:
        text = (
            f"Cannot tell from these runs whether {name} helps or hurts at equal train loss "
            f"({_count(unknown)}: test loss {_signed(judged.difference[unknown])} against {rival}, "
            f"{_range(judged, unknown)})"
        )
    if missing.any():
        text += f"; {_count(missing)} not reached by both ({_place(levels[missing])})"
    return f"{text}."


def _count(there: Flags) -> str:
    count, total = int(there.sum()), there.size
    if count == total:
        return {1: "the level", 2: "both levels"}.get(total, f"all {total} levels")
    return f"{count} of {total} levels"


def _sizes(values: Floats) -> str:
    ends = np.sort(np.abs([values.min(), values.max()]))
    return " to ".join(dict.fromkeys(f"{end:.4f}" for end in ends))


def _signed(values: Floats) -> str:
    return " to ".join(dict.fromkeys(f"{end:+.4f}" for end in (values.min(), values.max())))


def _range(judged: Verdicts, there: Flags) -> str:
    low, high = judged.low[there], judged.high[there]
    if np.isnan(low).all():
        return "no interval, as there are too few rows with a test loss"
    return f"intervals from {np.nanmin(low):+.4f} to {np.nanmax(high):+.4f}"


def _place(losses: Floats) -> str:
    high, low = short(losses.max()), short(losses.min())
    return f"train loss {high}" if high == low else f"train loss {high} to {low}"
