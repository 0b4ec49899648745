"""Schedules that are stopped before their rates have fallen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from isoloss._messages.numbers import percent
from isoloss.comparison.outcomes import Stops
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished

__all__ = ["CutDecayWarning", "cut_decay"]

_FALL = 0.5  # a decay ends below this share of the largest rate
_DONE = 0.1  # the largest share of the fall that may remain at the stop


class CutDecayWarning(UserWarning):
    """A schedule is stopped at a level before its rates have fallen."""


def cut_decay(stops: Stops, given: Spec | Schedule | Unfinished) -> str | None:
    """Say at how many levels a schedule stops before its decay, and what to use instead."""
    if isinstance(stops.schedule, tuple):
        return None
    cut = np.zeros(len(stops.levels), dtype=bool)
    there = np.zeros(len(stops.levels))
    first, least, last = 0, 1.0, 0
    for number, phase in enumerate(stops.schedule.phases):
        rates = np.asarray(getattr(phase, "lr", 0.0))
        if rates.ndim and rates.max(initial=0.0) * _FALL > rates[-1]:
            shares = rates / rates.max()
            inside = stops.reached & (stops.steps > first) & (stops.steps <= first + rates.size)
            at = shares[np.clip(stops.steps - first - 1, 0, rates.size - 1)]
            now = inside & (at - shares[-1] > _DONE * (1.0 - shares[-1]))
            cut, there, least = cut | now, np.where(now, at, there), min(least, shares[-1])
            last = number if now.any() else last
        first += phase.steps
    if not cut.any():
        return None
    low, high = percent(float(there[cut].min())), percent(float(there[cut].max()))
    where = f"{int(cut.sum())} of {len(cut)} levels" if len(cut) > 1 else "the level"
    return (
        f"{stops.name} is stopped before its decay at {where}: the rate there is "
        f"{low if low == high else f'{low} to {high}'} of the largest, and would fall to "
        f"{percent(float(least))}. {_instead(given, last)}"
    )


def _instead(given: Spec | Schedule | Unfinished, phase: int) -> str:
    text = _finishing_text(given, phase) if isinstance(given, Spec) else None
    if text is None:
        return (
            "To compare schedules that end at the levels instead, give a function that makes the "
            "schedule for a number of steps."
        )
    return f"To compare schedules that end at the levels instead, give {text!r}."


def _finishing_text(spec: Spec, phase: int) -> str | None:
    """Return a text with the number of steps of one phase left open, without a final flow."""
    text = re.sub(r" > flow$", "", spec.text)
    parts = text.split(" > ") if text else []
    for number, part in enumerate(parts):
        phases = len(Spec.parse(part).relative.phases)
        if phase < phases:
            before, after = parts[:number], parts[number + 1 :]
            openings = ([*before, each, *after] for each in _openings(part))
            return next(map(" > ".join, openings), None)
        phase -= phases
    return None


def _openings(part: str) -> Iterator[str]:
    """Yield a phase's text with its number of steps replaced by "..."."""
    for match in re.finditer(r"(?<=[ =(])[0-9]+(?=[,)])", part):
        opened = f"{part[: match.start()]}...{part[match.end() :]}"
        try:
            same = Spec.parse(opened, steps=int(match[0])) == Spec.parse(part)
        except ValueError:  # this number is not the number of steps
            continue
        if same:
            yield opened
