"""Make samplers from the names and numbers in a sweep's file."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from isoloss.problems.random import directions, power_law, resampled, spiked, two_level
from isoloss.problems.random import gaussian as gaussian_rows
from isoloss.problems.random.samplers import Sampler

__all__ = ["KINDS", "check", "known"]

_WHOLE = ("n", "d", "spikes", "high")
_FINITE = ("n_over_d", "decay", "noise", "height", "upper", "lower")

_SPECTRA: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "power_law": (power_law, ("d", "decay")),
    "spiked": (spiked, ("d", "spikes", "height")),
    "two_level": (two_level, ("d", "high", "upper", "lower")),
}


def _gaussian(
    *, n: Any = None, n_over_d: Any = None, spectrum: Any = "power_law", noise: Any = 0.0, **of: Any
) -> Sampler:
    """Return a sampler of Gaussian rows with a named spectrum or given variances."""
    if isinstance(spectrum, str):
        if spectrum not in _SPECTRA:
            raise ValueError(f"spectrum must be one of {', '.join(_SPECTRA)}; got {spectrum!r}")
        function, names = _SPECTRA[spectrum]
        if missing := [name for name in names if of.get(name) is None]:
            raise ValueError(f"the sampler lacks {missing[0]!r}, which spectrum {spectrum!r} needs")
        spectrum = function(*(of[name] for name in names))
    if (n is None) == (n_over_d is None):
        raise ValueError("the sampler needs n, or n_over_d")
    rows = n if n is not None else max(1, round(n_over_d * len(spectrum)))
    return gaussian_rows(rows, spectrum, noise)


def _resampled(
    *,
    data: Any = None,
    target: Any = None,
    task: Any = "auto",
    drop_rows: Any = False,
    impute: Any = None,
    encode: Any = None,
    n: Any = None,
    replace: Any = True,
    seed: Any = 0,
) -> Sampler:
    """Return a sampler that resamples the rows of a data set."""
    from isoloss.datasets import load, split

    if data is None:
        raise ValueError("the sampler lacks 'data': a file, or a data set of scikit-learn")
    parts = split(
        load(data),
        target=target,
        task=task,
        drop_rows=drop_rows,
        impute=impute,
        encode=encode,
        seed=seed,
    )
    return resampled(parts.X, parts.y, parts.X_test, parts.y_test, n, replace=replace)


KINDS: dict[str, Callable[..., Sampler]] = {
    "directions": directions,
    "gaussian": _gaussian,
    "resampled": _resampled,
}


def known(kind: str) -> list[str]:
    """Return the keys that a kind of sampler accepts."""
    keys = inspect.signature(KINDS[kind]).parameters
    of_spectra = [name for _, names in _SPECTRA.values() for name in names]
    return list(dict.fromkeys([k for k in keys if k != "of"] + of_spectra * ("of" in keys)))


def check(name: str, value: Any) -> None:
    """Raise ``ValueError`` if a value is not the kind of number that its name requires."""
    whole = name in _WHOLE
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if (whole or name in _FINITE) and not (fits and math.isfinite(value)):
        kind = "a whole number" if whole else "a finite number"
        raise ValueError(f"the sampler's {name} must be {kind}; got {value!r}")
