"""Which runs are seeds of one schedule: only the groups that the user gives decide that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from isoloss._messages.near_misses import distinct, quoted, suggest
from isoloss.curves.loss_curve import LossCurve

__all__ = ["by_schedule", "is_constant", "look_like_seeds", "named_runs"]

_SEED = re.compile(r"[\W_]*seed[\W_]*\d+\W*$", re.IGNORECASE)
_CONSTANT = 1e-3  # the share of the peak by which a constant rate may change


def named_runs(runs: Sequence[LossCurve]) -> dict[str, LossCurve]:
    """Return the runs by distinct names; raise an error unless two or more have test losses."""
    if not isinstance(runs, Iterable | LossCurve):
        raise TypeError(f"runs must be LossCurves, as curves.read returns them; got {runs!r}")
    found = [runs] if isinstance(runs, LossCurve) else list(runs)
    for each in found:
        if not isinstance(each, LossCurve):
            raise TypeError(f"runs must be LossCurves, as curves.read returns them; got {each!r}")
    if len(found) < 2:
        raise ValueError(f"a comparison needs at least two runs; got {len(found)}")
    names = distinct([each.name or "run" for each in found])
    named = dict(zip(names, found, strict=True))
    for name, each in named.items():
        if each.test_loss is None:
            raise ValueError(
                f"the run '{name}' has no test loss, which is what is compared; leave it out, or "
                "give its test_loss"
            )
    return named


def by_schedule(
    named: Mapping[str, LossCurve], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, list[str]]:
    """Return the names of the runs of each schedule; runs in no group stand alone."""
    if not isinstance(groups, Mapping | None):
        raise TypeError(f"groups must map names to lists of runs; got {groups!r}")
    found = {name: _members(name, runs, named) for name, runs in (groups or {}).items()}
    grouped = [run for runs in found.values() for run in runs]
    for run in named:
        if grouped.count(run) > 1:
            raise ValueError(f"the run '{run}' is in the groups more than once")
        if run not in grouped:
            if run in found:
                raise ValueError(f"a run and a group have the name '{run}'; rename the group")
            found[run] = [run]
    if len(found) < 2:
        raise ValueError("all runs are in one group; there is nothing to compare them with")
    return found


def look_like_seeds(names: Iterable[str]) -> list[str]:
    """Return a sentence if runs that are compared one by one are named like seeds."""
    found: dict[str, list[str]] = {}
    for name in names:
        if mark := _SEED.search(name):
            found.setdefault(name[: mark.start()], []).append(name)
    alike = [name for members in found.values() if len(members) > 1 for name in members]
    if not alike:
        return []
    return [
        f"{quoted(alike, 4)} are named like seeds of one schedule, but each is compared by itself: "
        "name the runs of a schedule as a group, so that intervals are over the seeds."
    ]


def _members(group: str, runs: Sequence[str], named: Mapping[str, LossCurve]) -> list[str]:
    if isinstance(runs, str):
        raise TypeError(f"group '{group}' must be a list of runs; got the text {runs!r}")
    if not runs:
        raise ValueError(f"group '{group}' has no run")
    for run in runs:
        if run not in named:
            raise ValueError(
                f"group '{group}' names the run {run!r}, which does not exist"
                f"{suggest(str(run), list(named))}"
            )
    return list(runs)


def is_constant(run: LossCurve) -> bool:
    """Return whether the rate stays at its peak once it has risen."""
    high = (1 - _CONSTANT) * run.peak
    risen = int((run.rates >= high).argmax())
    return bool(run.rates[risen:].min() >= high)
