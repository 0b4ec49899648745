"""What should be said of runs at equal train loss: how they were smoothed and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isoloss._messages.near_misses import quoted
from isoloss._messages.numbers import short
from isoloss.curves.match_result import Matched
from isoloss.curves.matched_curve import MatchedCurve

__all__ = ["notes_on_intervals", "notes_on_smoothing"]


def notes_on_smoothing(smoothed: Mapping[str, Sequence[MatchedCurve]], *, given: bool) -> list[str]:
    """Say how wide the windows are, which rows are left out, and what is not smoothed."""
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
    how = "as given" if given else "chosen by predicting rows that are left out"
    told = [
        "Losses are smoothed by local parabolas in the log of the step; half a window is "
        f"{' and '.join(parts)} (in e-folds of steps, {how}), or seven rows. Windows end where the "
        "rate turns."
    ]
    spiked = {
        each.name: each.train.left_out + (each.test.left_out if each.test else 0) for each in curves
    }
    if named := [f"{name} ({number})" for name, number in spiked.items() if number]:
        told.append(f"Spikes count for nothing: {', '.join(named)}.")
    if few := [each.name for each in curves if each.test is None]:
        told.append(
            f"Too few rows of {quoted(few)} have a test loss to smooth it: it is interpolated "
            "between them, and has no interval."
        )
    return told


def notes_on_intervals(
    matched: Mapping[str, Matched], reference: str, confidence: float
) -> list[str]:
    """Say what the intervals hold, and what they leave out."""
    others = {name: each for name, each in matched.items() if name != reference}
    share = f"{100 * confidence:g}%"
    told = []
    if alone := [name for name, each in others.items() if not each.over_seeds]:
        told.append(
            f"The {share} intervals of {quoted(alone)} come from the noise of logged rows: they "
            "leave out that another seed would give another run."
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
