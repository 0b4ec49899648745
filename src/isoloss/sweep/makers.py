"""Samplers by their names and numbers, as a file has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from isoloss.problems.random import directions, gaussian, power_law, resampled, spiked, two_level
from isoloss.problems.random.samplers import Sampler

__all__ = ["KINDS", "Maker"]

KINDS: dict[str, dict[str, str]] = {
    "directions": {
        "n": "train rows",
        "probabilities": "list of fractions as texts",
        "target": "number or list",
    },
    "gaussian": {
        "n": "train rows",
        "d": "directions",
        "n_over_d": "train rows for each direction, in place of n",
        "spectrum": "power_law, spiked, two_level, or a list of variances",
        "decay": "of power_law",
        "spikes": "of spiked",
        "height": "of spiked",
        "high": "of two_level",
        "upper": "of two_level",
        "lower": "of two_level",
        "noise": "variance of the label noise",
    },
    "resampled": {
        "data": "a file, or a data set of scikit-learn",
        "target": "the target's column, or a list of them",
        "task": "auto, classification or regression",
        "drop_rows": "true: leave out rows with missing values",
        "impute": "mean, median or most_frequent, for missing numbers",
        "encode": "one-hot, for text",
        "n": "train rows",
        "replace": "true or false",
        "seed": "of the split into train and test rows",
    },
}
_SPECTRA: dict[str, tuple[Any, tuple[str, ...]]] = {
    "power_law": (power_law, ("decay",)),
    "spiked": (spiked, ("spikes", "height")),
    "two_level": (two_level, ("high", "upper", "lower")),
}


@dataclass(frozen=True)
class Maker:
    """A function of the numbers that vary, which returns a sampler."""

    kind: str
    fixed: dict[str, Any]

    def __call__(self, **varying: Any) -> Sampler:
        """Return the sampler; raise ``ValueError`` if something is missing."""
        given = self.fixed | varying
        for name in ("n", "d", "n_over_d", "decay", "noise", "spikes", "height", "high"):
            value = given.get(name, 1)
            whole = name in ("n", "d", "spikes", "high")
            fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not fits or not math.isfinite(value):
                kind = "a whole number" if whole else "a finite number"
                raise ValueError(f"the sampler's {name} must be {kind}; got {value!r}")
        if self.kind == "directions":
            return directions(**given)
        if self.kind == "resampled":
            return _resampled(given)
        return _gaussian(given)


def _gaussian(given: dict[str, Any]) -> Sampler:
    spectrum = given.get("spectrum", "power_law")
    if isinstance(spectrum, str):
        if spectrum not in _SPECTRA:
            raise ValueError(f"spectrum must be one of {', '.join(_SPECTRA)}; got {spectrum!r}")
        function, names = _SPECTRA[spectrum]
        if missing := [name for name in ("d", *names) if name not in given]:
            raise ValueError(f"the sampler lacks {missing[0]!r}, which spectrum {spectrum!r} needs")
        spectrum = function(given["d"], *(given[name] for name in names))
    d = len(spectrum)
    if ("n" in given) == ("n_over_d" in given):
        raise ValueError("the sampler needs n, or n_over_d")
    n = given["n"] if "n" in given else max(1, round(given["n_over_d"] * d))
    return gaussian(n, spectrum, given.get("noise", 0.0))


def _resampled(given: dict[str, Any]) -> Sampler:
    from isoloss.datasets import load, split

    if "data" not in given:
        raise ValueError("the sampler lacks 'data': a file, or a data set of scikit-learn")
    source = load(given["data"])
    options = ("target", "task", "drop_rows", "impute", "encode", "seed")
    parts = split(source, **{name: given[name] for name in options if name in given})
    return resampled(
        parts.X, parts.y, parts.X_test, parts.y_test, given.get("n"),
        replace=given.get("replace", True),
    )  # fmt: skip
