"""The figure of a comparison: test loss against train loss, and the difference to the reference."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from isoloss._messages.numbers import short
from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.judgement import Judgement
from isoloss.comparison.outcomes import Curve, Stops
from isoloss.reports.plotting import RIDGE, look, marks, new_figure, style

__all__ = ["figure"]

_CUT = 3.0  # differences above 300 % of the reference's test loss are cut off
_WIDE = 7.0  # inches; narrower figures, for a column of print, use smaller text and more lines
_SMALL: Any = {"font.size": 8.0, "lines.linewidth": 1.2}
_PER_INCH = 15  # characters of small text
_LINE = 0.16  # inches between lines of small text
_TALL = 5.0  # inches; the panels of narrow figures are no taller than together this
_BAND = "level band: every parameter vector with that train loss"

Drawn = Sequence[tuple[Curve, Stops]]
Floats = npt.NDArray[np.float64]


def figure(
    flow: Stops,
    curves: Sequence[Curve],
    schedules: Sequence[Stops],
    floor: float,
    width: float | None,
    judgement: Judgement | None = None,
) -> Figure:
    """Draw schedules, beside gradient flow's stops on the grid of their curves.

    The lower panel shows a judgement's intervals as bands. Where a judgement covers many splits,
    its means replace the differences on one split.
    """
    names = [each.name for each in schedules]
    if judgement is not None and (
        names != [each.name for each in judgement.schedules]
        or judgement.levels[0].size != schedules[0].levels.size
    ):
        raise ValueError("the judgement must be of the comparison's own schedules and levels")
    drawn = list(zip(curves, schedules, strict=True))
    with style():
        drawing = new_figure("comparison", width)
        wide = drawing.get_figwidth() >= _WIDE
        with matplotlib.rc_context({} if wide else _SMALL):
            upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
            _draw_losses(upper, drawn, flow, floor)
            _draw_zone(lower)
            if judgement is None or len(judgement.levels) == 1:
                _draw_differences(lower, drawn, flow, floor)
            if judgement is not None:
                _draw_intervals(lower, judgement, schedules[0].levels - floor)
            _set_ticks(lower.xaxis, wide=wide)
            if judgement is not None:
                _set_titles(upper, lower, judgement, _characters(drawing))
            _name(drawing, upper, lower, flow.reference, floor, wide=wide)
        return drawing


def _characters(drawing: Figure) -> int:
    """Return how many characters of small text fit beside the axes."""
    return int(_PER_INCH * drawing.get_figwidth()) - 10


def _set_titles(upper: Axes, lower: Axes, judgement: Judgement, characters: int) -> None:
    many = len(judgement.levels)
    bands = f"{100 * judgement.confidence:g}% intervals that all hold together"
    title = f"means of {many} splits, with {bands}" if many > 1 else f"with {bands}"
    lower.set_title(textwrap.fill(title, characters), loc="left", fontsize="small")
    upper.set_title("the first split" * (many > 1), loc="left", fontsize="small")


def _set_ticks(axis: XAxis, *, wide: bool) -> None:
    """Choose ticks whose labels do not overlap; powers of ten if there are enough of them."""
    low, high = axis.get_view_interval()
    if high >= 100 * low:
        axis.set_minor_formatter(NullFormatter())
        return
    if high < 3 * low:
        axis.set_major_locator(MaxNLocator(6 if wide else 3))
    elif high < 10 * low:
        few = (1, 2, 3, 5) if high < 5 * low else (1, 2, 5)
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6) if wide else few))
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if wide else (1, 3)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _name(
    drawing: Figure, upper: Axes, lower: Axes, reference: str | None, floor: float, *, wide: bool
) -> None:
    """Add the legend and the axes' names, which need more lines in a narrow figure."""
    rival = "gradient flow" if reference is None else "the reference"
    above = f" above its smallest value {short(floor)}" if floor > 0 else ""
    over = f"train loss{above} (training runs from right to left)"
    up = f"test loss against {rival}'s\nat the same train loss (%)"
    handles, labels = upper.get_legend_handles_labels()
    if wide:
        beside = int(_PER_INCH * (drawing.get_figwidth() - 4.8))  # the label of the band
        labels = [each if _BAND in each else textwrap.fill(each, beside) for each in labels]
    else:
        characters = _characters(drawing)
        over, *labels = (textwrap.fill(text, characters) for text in (over, *labels))
        up = f"difference to\n{rival} (%)"
        lines = sum(label.count("\n") + 1 for label in (*labels, lower.get_title(loc="left")))
        drawing.set_figheight(min(drawing.get_figwidth(), _TALL) + _LINE * (lines + 5))
    upper.set_ylabel("test loss")
    lower.set(xlabel=over, ylabel=up)
    columns = 2 if wide else 1
    drawing.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _draw_losses(axes: Axes, drawn: Drawn, flow: Stops, floor: float) -> None:
    x = flow.train_loss - floor
    shown = np.concatenate([curve.test_loss for curve, _ in drawn] + [flow.test_loss])
    top = 1.6 * min(shown.max(), _CUT * flow.test_loss.max())
    cut = bool((flow.highest > top).any())
    label = _BAND + " (cut off)" * cut
    axes.fill_between(x, flow.lowest, np.minimum(flow.highest, 2 * top), color="0.9", label=label)
    axes.plot(x, flow.lowest, color="0.65", linewidth=0.8)
    axes.plot(x, flow.ridge_test_loss, linewidth=1.2, label="ridge", **RIDGE)
    for i, (curve, stops) in enumerate(drawn):
        axes.plot(curve.train_loss - floor, curve.test_loss, **look(i))
        at = stops.reached
        axes.plot(stops.train_loss[at] - floor, stops.test_loss[at], **marks(i))
        # one legend entry for line and markers
        chosen = stops.reference is not None and stops.is_reference
        axes.plot([], [], label=curve.name + " (the reference)" * chosen, **(marks(i) | look(i)))
    axes.set_xscale("log")
    values = np.concatenate([flow.lowest, shown])
    if top > 0:  # if every test loss is 0, it has no logarithm
        axes.set_yscale("log")
        axes.set_ylim(0.95 * values[values > 0].min(), top)
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_zone(axes: Axes) -> None:
    axes.axhspan(-100 * NO_DIFFERENCE, 100 * NO_DIFFERENCE, color="0.9")


def _draw_differences(axes: Axes, drawn: Drawn, flow: Stops, floor: float) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing is drawn where flow's loss is 0
        ridge = 100 * (flow.ridge_test_loss / flow.test_loss * flow.ratio - 1)
    axes.plot(flow.train_loss - floor, ridge, linewidth=1.2, **RIDGE)
    for i, (curve, stops) in enumerate(drawn):
        # use the grid, unless the reference is known only at the levels
        fine = np.isfinite(curve.ratio).sum() > stops.is_compared.sum()
        line: Curve | Stops = curve if fine else stops
        axes.plot(line.train_loss - floor, 100 * (line.ratio - 1), **look(i))
        axes.plot(stops.train_loss - floor, 100 * (stops.ratio - 1), **marks(i))
    marked = [100 * (stops.ratio[stops.is_compared] - 1) for _, stops in drawn]
    seen = np.clip(np.concatenate([[-2, 2], *marked, ridge]), -100, 100 * _CUT)
    axes.set_ylim(1.3 * np.nanmin(seen), 1.3 * np.nanmax(seen))


def _draw_intervals(axes: Axes, judgement: Judgement, x: Floats) -> None:
    """Draw the intervals as bands, and the means if there are many splits."""
    shown = [np.array([-2.0, 2.0]), np.array(axes.get_ylim()) / 1.3]
    for i, judged in enumerate(judgement.schedules):
        low, high = 100 * judged.low, 100 * judged.high
        axes.fill_between(x, low, high, alpha=0.12, linewidth=0, color=look(i)["color"])
        for end in (low, high):  # bands overlap
            axes.plot(x, end, **(look(i) | {"linewidth": 0.7}))
        if len(judgement.levels) > 1 and not judged.is_reference:
            axes.plot(x, 100 * judged.estimate, **(look(i) | marks(i) | {"linestyle": "-"}))
            shown[1] = np.zeros(0)
        shown += [low[np.isfinite(low)], high[np.isfinite(high)]]
    seen = np.clip(np.concatenate(shown), -100, 100 * _CUT)
    axes.set_ylim(1.1 * seen.min(), 1.1 * seen.max())
