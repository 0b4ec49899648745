"""What looks odd in a log: spikes, gaps, missing losses, rounding, and smoothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import percent, short

__all__ = ["gap", "missing", "rounding", "smoothing", "spikes"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_FEWEST = 64  # rows, for statistics of their noise
_NEAR, _AROUND = 31, 301  # rows for the median that is the trend, and for the noise around it
_DEVIATIONS, _SHARE = 10.0, 0.02  # a spike lies so many deviations above, and this share of a loss
_TO_SIGMA = 1.4826  # a normal distribution's standard deviation over its median deviation
_GAP, _LONG, _FEW = 20.0, 0.05, 10  # a gap in median distances, its share of a run; fewest rows
# Second differences of white noise have the correlation -2/3 with their neighbours, to a standard
# error of 0.55 / √n. A running mean of many rows, exponential or not, brings it to -1/2.
_WHITE, _ERROR, _ERRORS, _SMOOTHED = -2 / 3, 0.55, 4, -0.6
_ENOUGH = 200  # rows
_EQUAL = 0.5  # share of neighbouring losses that are equal by rounding, if more are


def spikes(losses: Floats) -> Mask:
    """Return which losses are far above a running median, which spikes hardly move."""
    measured = np.flatnonzero(~np.isnan(losses))
    found = np.zeros(losses.size, dtype=bool)
    if measured.size < _FEWEST:
        return found
    from scipy.ndimage import median_filter

    values = losses[measured]
    trend = median_filter(values, _NEAR, mode="nearest")
    noise = _TO_SIGMA * median_filter(np.abs(values - trend), _AROUND, mode="reflect")
    above = values - trend
    found[measured] = (above > _DEVIATIONS * noise) & (above > _SHARE * np.abs(trend))
    return found


def missing(step: Floats, losses: Floats, test_losses: Floats | None, lr: Floats | None) -> str:
    """Return a sentence on rows that lack a loss that similar rows have, or an empty text."""
    absent = np.isnan(losses)
    if absent.any() and (~absent).any():
        last = int(np.flatnonzero(~absent)[-1])
        tail = absent[last + 1 :]
        if test_losses is None and tail.size > 1:
            return f"No row after step {step[last]:.0f} has a loss: did the run diverge there?"
    if test_losses is not None:
        absent &= np.isnan(test_losses)
    if lr is not None:  # rows of rates alone, as Lightning writes them, lack nothing
        together = ~np.isnan(lr[~np.isnan(losses)])
        if together.size and together.mean() < 0.5:
            return ""
        absent &= ~np.isnan(lr)
    count = int(absent.sum())
    if not count:
        return ""
    first = step[int(absent.argmax())]
    return f"{count} of {absent.size} rows have no loss (empty or NaN), first at step {first:.0f}."


def gap(step: Floats) -> str:
    """Return a sentence on the longest stretch without rows, if it is long, or an empty text."""
    step = np.unique(step)
    if step.size < _FEW:
        return ""
    between = np.diff(step)
    longest = int(between.argmax())
    length = between[longest]
    if length <= max(_GAP * float(np.median(between)), _LONG * step[-1]):
        return ""
    return (
        f"There is no row between steps {step[longest]:.0f} and {step[longest + 1]:.0f}, "
        f"{percent(float(length / step[-1]))} of the run."
    )


def smoothing(losses: Floats) -> str:
    """Return a sentence if neighbouring losses share their noise, as smoothed ones do."""
    values = losses[~np.isnan(losses)]
    values = values[values.size // 2 :]  # the first half falls fast, which is not noise
    if values.size < _ENOUGH:
        return ""
    second = np.diff(values, 2)
    limit = 6 * _TO_SIGMA * np.median(np.abs(second))
    second = np.clip(second, -limit, limit)  # or a single spike would decide
    power = float(np.mean(second * second))
    if power == 0:
        return ""
    found = float(np.mean(second[1:] * second[:-1])) / power
    if found <= max(_SMOOTHED, _WHITE + _ERRORS * _ERROR / values.size**0.5):
        return ""
    return (
        "Neighbouring train losses share their noise, as if the curve had been smoothed (second "
        f"differences correlate by {short(found, 2)}; independent noise gives -0.67). Intervals "
        "need the losses as measured: turn smoothing off before the export."
    )


def rounding(losses: Floats) -> str:
    """Return a sentence if rounding hides the noise of the losses, or an empty text."""
    values = losses[~np.isnan(losses)]
    values = values[values.size // 2 :]
    if values.size < _FEWEST or values.min() == values.max():
        return ""
    equal = float(np.mean(np.diff(values) == 0))
    if equal <= _EQUAL:
        return ""
    return (
        f"{percent(equal)} of neighbouring losses are equal, as if they had been rounded. "
        "Intervals come from the noise of the losses, which rounding hides: export more digits."
    )
