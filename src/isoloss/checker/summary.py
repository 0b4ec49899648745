"""For what a checked claim holds, in one line: without that, a reader may take it for more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["given"]


def given(content: Mapping[str, Any]) -> str:
    """Return the ranges of the parameters, the problem and the schedules, in ASCII."""
    match content["kind"]:
        case "identity":
            names = content["variables"]
            return f"for all {', '.join(names)}" if names else ""
        case "runs":
            schedules = {name: _pieces(run["schedule"]) for name, run in content["runs"].items()}
            return _problem(content["problem"], content["level"], schedules, "absolute rates")
    ranges = [f"{low} <= {name} <= {high}" for name, (low, high) in content["box"].items()]
    found = [f"for {', '.join(ranges)}"] * bool(ranges)
    family = content["family"]
    if family is not None:
        problem = {**family, "noise": family["noise"][0]}
        unit = "rates in units of 1/max(train)"
        found.append(_problem(problem, family["level"], family["schedules"], unit))
    return "; ".join(found)


def _problem(
    problem: Mapping[str, Any], level: str | None, schedules: Mapping[str, str], unit: str
) -> str:
    found = [f"{what} ({', '.join(problem[what])})" for what in ("train", "test", "start_squared")]
    found += [f"noise {problem['noise']}"] * (problem["noise"] != "0")
    found.append("to the schedule's end" if level is None else f"level {level}")
    found += [f"{name} = {text}" if name else text for name, text in schedules.items()]
    return f"{'; '.join(found)} ({unit})"


def _pieces(schedule: list[list[Any]]) -> str:
    return " > ".join(
        kind if rest[0] is None else f"{kind}({', '.join(map(str, rest))})"
        for kind, *rest in schedule
    )
