"""Intervals of differences, put into sentences and into the cells of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short, signed_percent

__all__ = ["MARKS", "as_grid", "sentence"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

MARKS = {"helps": "helps", "hurts": "hurts", "no difference": "same", "cannot tell": "?"}
"""The words for effects in a table."""
_DIGITS = 5


def sentence(
    name: str,
    rival: str,
    levels: Floats,
    effects: Texts,
    numbers: tuple[Floats, Floats, Floats],
    left_out: tuple[Counts, Counts, int],
) -> str:
    """Return a sentence on a schedule, from its means and the ends of its intervals."""
    whose = "gradient flow's" if rival == "gradient flow" else f"that of {rival}"
    parts = []
    for effect in ("helps", "hurts"):
        if (there := effects == effect).any():
            side = "lower" if effect == "helps" else "higher"
            parts.append(
                f"{effect} at {_count(there)} (mean test loss {_sizes(numbers[0][there])} {side} "
                f"than {whose}, {_range(numbers, there)}; {_place(levels[there])})"
            )
    if (there := effects == "no difference").any():
        parts.append(f"makes no difference at {_count(there)} ({_range(numbers, there)})")
    unknown, gaps = effects == "cannot tell", _gaps(levels, rival, *left_out)
    unlike = (effects == "left out") & (left_out[0] + left_out[1] == 0)
    if unlike.any():
        gaps.append(f"the test loss of {rival} is 0 at {_place(levels[unlike])}")
    if parts:
        mixed = "is mixed: it " if {"helps", "hurts"} <= set(effects.tolist()) else ""
        text = f"At equal train loss, {name} {mixed}{' and '.join(parts)}"
        if unknown.any():
            text += f"; at {_count(unknown)} these data cannot tell ({_range(numbers, unknown)})"
    elif unknown.any():
        text = (
            f"Cannot tell from these data whether {name} helps or hurts at equal train loss "
            f"({_count(unknown)}: mean test loss {_means(numbers[0][unknown])} against {whose}, "
            f"{_range(numbers, unknown)})"
        )
    elif (left_out[0] == left_out[2]).all():
        both = "" if rival == "gradient flow" else f" together with {rival}"
        what = f"reaches none of the {levels.size} levels"
        return f"{name} {what if levels.size > 1 else 'does not reach the level'}{both}."
    else:
        text = f"{name} cannot be judged at equal train loss"
    return "; ".join([text, *gaps]) + "."


def as_grid(
    levels: Floats, judged: Iterable[tuple[str, tuple[Floats, Floats, Floats], Sequence[str]]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heads and rows of the means, intervals and effects of schedules."""
    columns = {"train loss": [short(level, _DIGITS) for level in levels]}
    for name, numbers, effects in judged:
        cells = zip(*numbers, effects, strict=True)
        columns[name] = [_cell(*cell) for cell in cells]
    return tuple(columns), list(zip(*columns.values(), strict=True))


def _cell(mean: float, low: float, high: float, effect: str) -> str:
    if np.isnan(mean):
        return "-"
    interval = f" ± {100 * (high - mean):.1f}%" if np.isfinite(high) else ", no interval"
    if low == -1.0:  # the interval ends where losses do
        interval = f" (-100% to {signed_percent(high)})"
    return f"{signed_percent(mean)}{interval} {MARKS[effect]}"


def _count(there: Flags) -> str:
    count, total = int(there.sum()), there.size
    if count == total:
        return {1: "the level", 2: "both levels"}.get(total, f"all {total} levels")
    return f"{count} of {total} levels"


def _sizes(values: Floats) -> str:
    ends = dict.fromkeys(f"{100 * abs(end):.1f}%" for end in (values.min(), values.max()))
    return " to ".join(sorted(ends, key=lambda text: float(text[:-1])))


def _means(values: Floats) -> str:
    return " to ".join(dict.fromkeys(signed_percent(end) for end in (values.min(), values.max())))


def _range(numbers: tuple[Floats, Floats, Floats], there: Flags) -> str:
    low, high = numbers[1][there].min(), numbers[2][there].max()
    if np.isinf(low) or np.isinf(high):
        return "no interval, as there are too few test rows"
    return f"intervals from {signed_percent(low)} to {signed_percent(high)}"


def _gaps(levels: Floats, rival: str, missing: Counts, below: Counts, splits: int) -> list[str]:
    """Say which levels are left out, and why."""
    both = "" if rival == "gradient flow" else f" by it and {rival}"
    found = []
    for counts, why in ((missing, f"not reached{both}"), (below, "below which training starts")):
        if (there := counts > 0).any():
            count = int(there.sum())
            where = f"{_place(levels[there])}, {why}"
            if splits > 1:
                where += f" in up to {counts.max()} of {splits} splits"
            found.append(f"{count} level{'s' * (count > 1)} left out ({where})")
    return found


def _place(losses: Floats) -> str:
    high, low = short(losses.max()), short(losses.min())
    return f"train loss {high}" if high == low else f"train loss {high} to {low}"
