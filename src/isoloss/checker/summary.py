"""One line on what a checked claim holds for, as the claim alone may seem more general."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["given"]

_MOST = 8  # the largest number of entries that are all shown
_LONGEST = 60  # characters of an entry


def given(content: Mapping[str, Any]) -> str:
    """Return the ranges of the parameters, the problem and the schedules, in ASCII."""
    match content["kind"]:
        case "identity":
            names = content["variables"]
            return f"for all {_listed(names)}" if names else ""
        case "runs":
            schedules = {n: _pieces(run["schedule"]) for n, run in content["runs"].items()}
            return _problem(
                content["problem"], content["level"], _rule(content), schedules, "absolute rates"
            )
    ranges = [f"{_short(a)} <= {name} <= {_short(b)}" for name, (a, b) in content["box"].items()]
    found = [f"for {', '.join(ranges)}"] * bool(ranges)
    family = content["family"]
    if family is not None:
        problem = {**family, "noise": family["noise"][0]}
        unit = "rates in units of 1/max(train)"
        found.append(_problem(problem, family["level"], _rule(family), family["schedules"], unit))
    return "; ".join(found)


def _problem(
    problem: Mapping[str, Any],
    level: str | None,
    rule: str,
    schedules: Mapping[str, str],
    unit: str,
) -> str:
    found = [f"{what} ({_listed(problem[what])})" for what in ("train", "test", "start_squared")]
    found += [f"noise {_short(problem['noise'])}"] * (problem["noise"] != "0")
    found.append("to the schedule's end" if level is None else f"level {_short(level)} ({rule})")
    found += [f"{name} = {text}" if name else text for name, text in schedules.items()]
    return f"{'; '.join(found)} ({unit})"


def _rule(content: Mapping[str, Any]) -> str:
    return f"last step {content.get('last_step', 'whole')}"


def _pieces(schedule: Sequence[Sequence[Any]]) -> str:
    texts = [
        kind if rest[0] is None else f"{kind}({', '.join(_short(str(each)) for each in rest)})"
        for kind, *rest in schedule
    ]
    return _listed(texts, " > ")


def _listed(texts: Sequence[str], mark: str = ", ") -> str:
    """Join texts; if there are many, show only the first, the last and their number."""
    if len(texts) > _MOST:
        texts = [*texts[:2], f"... {len(texts)} in all ...", texts[-1]]
    return mark.join(map(_short, texts))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
