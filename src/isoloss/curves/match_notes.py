"""Notes on runs at equal train loss: how they were smoothed and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isoloss._messages.near_misses import quoted
from isoloss._messages.numbers import short
from isoloss.curves.match_result import MatchedRuns
from isoloss.curves.matched_curve import MatchedCurve

__all__ = ["notes_on_intervals", "notes_on_smoothing"]


def notes_on_smoothing(smoothed: Mapping[str, Sequence[MatchedCurve]], *, given: bool) -> list[str]:
    """Return notes on the widths of windows, rows left out, and losses that are not smoothed."""
    curves = [each for group in smoothed.values() for each in group]
    parts = []
    for title, found in (
        ("train", [each.train for each in curves]),
        ("test", [each.test for each in curves if each.test is not None]),
    ):
        widths = [width for each in found for width in each.bandwidths]
        if widths:
            ends = dict.fromkeys(short(end, 2) for end in (min(widths), max(widths)))
            parts.append(f"{' to '.join(ends)} for {title} losses")
    how = "as given" if given else "chosen by cross-validation"
    told = [
        "Losses are smoothed by local parabolas in the log of the step. The half width of windows "
        f"is {' and '.join(parts)} (in e-folds of steps, {how}), or more where they would have "
        "fewer than seven rows. Windows end where the learning rate turns."
    ]
    spiked = {
        each.name: each.train.left_out + (each.test.left_out if each.test else 0) for each in curves
    }
    if named := [f"{name} ({number})" for name, number in spiked.items() if number]:
        told.append(f"Rows left out as spikes: {', '.join(named)}.")
    if few := [each.name for each in curves if each.test is None]:
        told.append(
            f"The test loss of {quoted(few)} has too few rows to be smoothed: it is interpolated "
            "between them, and has no interval."
        )
    return told


def notes_on_intervals(
    matched: Mapping[str, MatchedRuns], reference: str, confidence: float
) -> list[str]:
    """Return notes on what the intervals include, and what they leave out."""
    others = {name: each for name, each in matched.items() if name != reference}
    share = f"{100 * confidence:g}%"
    told = []
    if alone := [name for name, each in others.items() if not each.over_seeds]:
        told.append(
            f"The {share} intervals of {quoted(alone)} come from the noise of logged rows, and "
            "leave out the variation between seeds."
        )
    for name, each in others.items():
        if each.over_seeds:
            pairs = len(each.runs) == len(matched[reference].runs)
            what = "pairs of seeds" if pairs else "seeds, which are not paired"
            told.append(
                f"The {share} intervals of {name} are Student's t over {len(each.runs)} {what}."
            )
    told.append("Each interval holds by itself, not all of them together.")
    return told
