"""The tables of benchmarks/forecast.py, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest

LAWS = {
    "ours": "ours",
    "foreign": "foreign priors",
    "six": "six parameters",
    "c = 0": "c = 0",
    "MPL": "Multi-Power",
    "as published": "as published",
    "annealing": "Tissue et al.",
}
_COMPARED = ("ours", "MPL")
RIVALS = ("MPL", "as published", "annealing")

Results = Sequence[tuple[Any, dict[str, Any]]]  # each split, and its forecasts by law


def error_table(results: Results) -> str:
    """Return each law's mean error in each kind of split, and how often a published law is best."""
    laws = _laws(results)
    rows = []
    for (data, name), group in _kinds(results):
        means = [
            np.mean(np.concatenate([found[law].errors for _, found in group]))
            if law in group[0][1]
            else np.nan
            for law in laws
        ]
        curves = [each for pair in group for each in _curves(*pair)]
        lost = sum(1 for each in curves if _best_rival(each)[1] < each["errors"]["ours"])
        rows.append([data, name, *map(_number, means), f"{lost} of {len(curves)}"])
    return _table(["data", "split", *laws.values(), "ours loses"], rows)


def coverage_table(results: Results) -> str:
    """Return how many final losses lie in their intervals, by split and by data set."""
    rows, pooled = [], {}
    for (data, name), group in _kinds(results):
        curves = [each for pair in group for each in _curves(*pair)]
        rows.append(_covered(data, name, curves))
        pooled.setdefault(data, []).extend(curves)
    for data, curves in pooled.items():
        rows.append(_covered(f"**{data}**", "all", curves))
    titles = ["inside", "share", "95 % interval", "median width", "inside, foreign priors"]
    errors = ["mean error of finals × 10³", "Multi-Power"]
    return _table(["data", "split", *titles, *errors], rows)


def _covered(data: str, name: str, curves: list[dict[str, Any]]) -> list[str]:
    inside, foreign = (sum(_inside(each, law) for each in curves) for law in ("ours", "foreign"))
    share = binomtest(inside, len(curves)).proportion_ci(0.95, method="exact")
    widths = [np.diff(each["finals"]["ours"][1:])[0] / each["seen"] for each in curves]
    return [
        data,
        name,
        f"{inside} of {len(curves)}",
        f"{100 * inside / len(curves):.1f} %",
        f"{100 * share.low:.0f} to {100 * share.high:.0f} %",
        f"{100 * np.median(widths):.2f} %",
        f"{foreign} of {len(curves)}" if "foreign" in curves[0]["finals"] else "",
        *(_number(1000 * np.mean([_missed(each, law) for each in curves])) for law in _COMPARED),
    ]


def lost_table(results: Results) -> str:
    """Return the curves on which a published law has a smaller error than ours."""
    rows = []
    for split, found in results:
        for each in _curves(split, found):
            law, error = _best_rival(each)
            ours = each["errors"]["ours"]
            if error < ours:
                rows.append([*each["place"], _number(ours), _number(error), LAWS[law]])
    return _table(["data", "split", "curve", "ours", "better", "by"], rows)


def curve_table(results: Results) -> str:
    """Return the errors of every curve, and the forecast of its final loss.

    A star marks errors that are smaller than ours, and finals outside their interval.
    """
    laws = _laws(results)
    rows = []
    for split, found in results:
        for each in _curves(split, found):
            errors = each["errors"]
            shown = []
            for law in laws:
                error = errors.get(law, np.nan)
                shown.append(_number(error) + (" *" if error < errors["ours"] else ""))
            final = "{:.4f}, {:.4f} to {:.4f}".format(*each["finals"]["ours"])
            final += "" if _inside(each, "ours") else " *"
            rows.append([*each["place"], *shown, f"{each['seen']:.4f}", final])
    titles = ["final loss", "forecast and interval"]
    return _table(["data", "split", "curve", *laws.values(), *titles], rows)


def time_table(results: Results) -> str:
    """Return the processor time of fits, in seconds."""
    laws = _laws(results)
    laws.pop("as published", None)  # nothing was fitted
    rows = []
    for (data, name), group in _kinds(results):
        sizes = sorted({len(split.fitted) for split, _ in group})
        count = " or ".join(map(str, sizes))
        times = [
            _number(np.median([found[law].seconds for _, found in group]), 2)
            if law in group[0][1]
            else ""
            for law in laws
        ]
        rows.append([data, name, count, *times])
    return _table(["data", "split", "fitted runs", *laws.values()], rows)


def _laws(results: Results) -> dict[str, str]:
    """Return the laws that some split has, with their titles."""
    return {law: LAWS[law] for law in LAWS if any(law in found for _, found in results)}


def _kinds(results: Results) -> Iterator[tuple[tuple[str, str], Results]]:
    """Return the results of each kind of split, of which there may be several splits."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for split, found in results:
        groups.setdefault((split.data, split.name), []).append((split, found))
    yield from groups.items()


def _curves(split: Any, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return what is known of each tested curve."""
    for index, curve in enumerate(split.tested):
        yield {
            "place": (split.data, split.name, curve.name),
            "errors": {law: each.errors[index] for law, each in found.items()},
            "finals": {law: each.finals[index] for law, each in found.items()},
            "seen": float(curve.loss[-1]),
        }


def _inside(curve: dict[str, Any], law: str) -> bool:
    _, low, high = curve["finals"].get(law, (np.nan,) * 3)
    return bool(low <= curve["seen"] <= high)


def _missed(curve: dict[str, Any], law: str) -> float:
    return abs(float(curve["finals"][law][0]) - curve["seen"])


def _best_rival(curve: dict[str, Any]) -> tuple[str, float]:
    errors = {law: curve["errors"][law] for law in RIVALS if law in curve["errors"]}
    best = min(errors, key=errors.__getitem__)
    return best, errors[best]


def _number(value: float, digits: int = 2) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
