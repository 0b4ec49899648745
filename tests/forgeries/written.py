"""Certificates written by hand, true as they stand, into which a test puts what is wrong."""

from __future__ import annotations

from typing import Any

from forgeries.claims import HEAD as _HEAD
from forgeries.claims import Content
from isoloss.proof.certificates import digest

HEAD: Content = _HEAD | {"verdict": "proved"}


def signed(content: Content) -> Content:
    return {**content, "digest": digest(content)}


def identity(left: str, right: str, names: str = "") -> Content:
    claim = f"{left} == {right}"
    return (
        HEAD
        | {"kind": "identity", "left": left, "right": right, "claim": claim}
        | {"variables": sorted(names.split())}
    )


def boxes(claim: str, tree: str = ".", bits: int = 64, **family: Any) -> Content:
    return HEAD | {
        "kind": "for_all",
        "box": {"x": ["1/4", "1/2"]},
        "claim": claim,
        "tree": tree,
        "counterexample": None,
        "precision": bits,
        "family": family or None,
    }


def family(claim: str = "level > 0", **changed: Any) -> Content:
    plain = {"train": ["1", "x"], "test": ["1", "1"], "start_squared": ["1", "1"], "noise": ["0"]}
    more = {"level": "1/10", "schedules": {"a": "flow"}, "at_level": []}
    return boxes(claim, **{**plain, **more, **changed})


def run(**changed: Any) -> Content:
    problem = {"train": ["1"], "test": ["1"], "start_squared": ["4"], "noise": "0"}
    one = {
        "schedule": [["gd", "1/4", 3]],
        "reached": True,
        "piece": 0,
        "steps": 1,
        "inside": None,
        "time": ["0", "0"],
        "train_loss": ["1", "1"],
        "test_loss": ["1", "1"],
        "parts": [["1", "1"]],
    }
    whole = HEAD | {
        "kind": "runs",
        "problem": problem,
        "level": "2",
        "claim": "test_loss == 1",
        "at_level": [""],
        "precision": 64,
        "runs": {"": one},
    }
    for key, value in changed.items():
        place = next(each for each in (one, problem, whole) if key in each)
        place[key] = value
    return whole
