"""The schedules that isoloss forecast compares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isoloss.cli.schedules import is_file, named_schedules
from isoloss.curves import LossCurve
from isoloss.curves.numbers import planned_steps
from isoloss.schedules import Schedule
from isoloss.schedules.families import constant, cosine, decay, warmup, warmup_stable_decay
from isoloss.schedules.resolving import in_own_units
from isoloss.schedules.text import Spec

__all__ = [
    "BEST",
    "asked_schedules",
    "check_bounds",
    "first_warmup",
    "looks_absolute",
    "usual_schedules",
    "usual_text",
]

BEST = "best"
_USUAL = ("constant", "cosine", "linear", "wsd 10%", "wsd 20%", "wsd 50%")
_BESIDE_BEST = ("cosine", "wsd 20%")
_ABSOLUTE = 0.02  # if the largest rate in a text is below this, it looks absolute


def asked_schedules(given: Sequence[str]) -> dict[str, str | Schedule]:
    """Return the schedules of texts and files by name.

    Raises ``ValueError`` if one leaves its number of steps open, or has settings that a law does
    not know.
    """
    for text in given:
        if not is_file(text) and "..." in text:
            raise ValueError(
                f"{text!r} leaves its number of steps open, which is for stops at a train loss; a "
                f"forecast needs a number, such as {text.replace('...', '10000')!r}"
            )
    texts = [each if is_file(each) else str(Spec.parse(each)) for each in given]
    found = named_schedules(texts, taken=(BEST, *_USUAL))
    for name, each in found.items():
        if not in_own_units(each).is_plain:
            raise ValueError(
                f"{name} has settings besides its rates, such as weight decay or a batch size; a "
                "forecast takes those of the fitted runs: leave them out"
            )
    return found


def looks_absolute(peak: float, reference: float) -> str:
    """Return a sentence if the largest rate of a text looks absolute, or an empty text."""
    if peak >= _ABSOLUTE * reference:
        return ""
    return (
        f"Rates in texts are in units of the largest fitted peak, {reference:.3g}: "
        f"{peak / reference:.3g} means {peak:.3g}. Rates in CSV and JSON files are absolute."
    )


def check_bounds(most: float, least: float, steps: int, ramp: int) -> None:
    """Raise ``ValueError`` unless rates and warm-up leave room for a schedule."""
    planned_steps("--steps", steps, 1)
    if not 0 <= least < most < np.inf:
        raise ValueError(f"rates need 0 <= --min-lr < --max-lr; got {least:g} and {most:g}")
    if ramp > steps // 2:
        raise ValueError(f"--warmup {ramp} is more than half of the {steps} steps; shorten it")


def usual_schedules(
    most: float, least: float, steps: int, ramp: int, *, beside_best: bool
) -> dict[str, Schedule]:
    """Return the usual schedules by name, with absolute rates."""
    rising, after = warmup(most, ramp), steps - ramp
    found = {
        "constant": rising + constant(most, after),
        "cosine": rising + cosine(most, after, least),
        "linear": rising + decay(most, after, "linear", least),
    }
    for share in (10, 20, 50):
        found[f"wsd {share}%"] = warmup_stable_decay(
            most, steps, ramp, steps * share // 100, "linear", least
        )
    return {name: each for name, each in found.items() if not beside_best or name in _BESIDE_BEST}


def usual_text(steps: int, ramp: int, reference: float) -> str:
    """Return a sentence on the names of the usual schedules, and on how to write them as texts."""
    return (
        "wsd 20% is a constant rate with a linear cool-down over the last 20% of the steps. As a "
        f"SPEC, whose rates are in units of the largest fitted peak, {reference:.3g}: --schedule "
        f'"warmup_stable_decay(1, {steps}, {ramp}, {steps // 5})".'
    )


def first_warmup(run: LossCurve) -> int:
    """Return the number of steps of a run's warm-up; 0 if none ends within its first quarter."""
    rates: npt.NDArray[np.float64] = run.rates
    top = int(np.argmax(rates >= (1 - 1e-6) * run.peak))
    rises = bool((np.diff(rates[: top + 1]) >= 0).all())
    return top + 1 if 0 < top <= rates.size // 4 and rises else 0
