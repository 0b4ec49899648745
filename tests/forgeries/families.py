"""Families of problems: trained at 60 digits, in points of the box."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from forgeries.boxes import forge_box, uniform
from forgeries.claims import HEAD, Content, number
from forgeries.truth import (
    Number,
    evaluate,
    holds,
    must_reach,
    quantities,
    trained,
)


def a_family(draw: random.Random) -> Content:
    low = Fraction(draw.randint(2, 8), 10)
    box = {"g": [str(low), str(low + Fraction(draw.randint(0, 3), 80))]}
    if draw.random() < 0.3:
        box["s"] = ["1", str(1 + Fraction(draw.randint(0, 2), 40))]
    schedules = {
        "flow": "flow",
        "gd": draw.choice(["gd(1, 3) > flow", "gd(g, 2) > flow(1/2)", "gd(3/4, 40)"]),
    }
    family = {
        "train": ["1", "g"],
        "test": draw.choice([["1", "1"], ["g", "1"]]),
        "start_squared": ["1", "s" if "s" in box else "2"],
        "noise": ["0"],
        "level": draw.choice(["1/10", "g / 5", None]),
        "schedules": schedules,
    }
    if draw.random() < 0.8:
        family["last_step"] = draw.choice(["exact", "exact", "whole"])
    if family["level"] is None:
        schedules["flow"] = "flow(2)"
    left, right = draw.sample(
        ["flow.test_loss", "gd.test_loss", "gd.part1", "flow.part2", "level"], 2
    )
    content = HEAD | {"kind": "for_all", "box": box, "family": family, "precision": 64}
    content["claim"] = (
        f"{left} {draw.choice('<>')} {draw.choice(['1', '3/4', '4/3', '2'])} * {right}"
    )
    if family["level"] is None:
        content["claim"] = content["claim"].replace("level", "flow.train_loss")
    family["at_level"] = (
        [] if family["level"] is None else must_reach(content["claim"], list(schedules))
    )
    content |= {"verdict": "proved", "counterexample": None}
    content["tree"] = uniform(draw.randint(0, 3), "ab"[: len(box)])
    if not family_is_true(content):
        point = [str(sum(map(Fraction, side)) / 2) for side in box.values()]
        content |= {"verdict": "disproved", "tree": "", "counterexample": point}
    return content


def family_is_true(content: Content) -> bool:
    """Whether the claim holds at points of the box, or fails at the counterexample."""
    draw = random.Random(0)
    sides = {name: list(map(number, side)) for name, side in content["box"].items()}
    assert all(low <= high for low, high in sides.values())
    if content["verdict"] == "disproved":
        point = dict(zip(sides, map(number, content["counterexample"]), strict=True))
        inside = all(low <= point[name] <= high for name, (low, high) in sides.items())
        return inside and not at_point(content, point)
    shares = [
        [0] * 2,
        [1] * 2,
        *([Fraction(draw.randint(0, 9), 9) for _ in "gs"] for _ in range(3)),
    ]
    points = [
        {
            name: low + share * (high - low)
            for share, (name, (low, high)) in zip(each, sides.items(), strict=False)
        }
        for each in shares
    ]
    return all(at_point(content, point) for point in points)


def at_point(content: Content, point: Mapping[str, Fraction]) -> bool:
    family = content["family"]
    spectra = {
        key: [evaluate(text, point, Fraction) for text in family[key]]
        for key in ("train", "test", "start_squared")
    }
    noise = evaluate(family["noise"][0], point, Fraction)
    level = None if family["level"] is None else evaluate(family["level"], point, Fraction)
    unit = 1 / max(spectra["train"])
    assert min(noise, level or 0, *(v for each in spectra.values() for v in each)) >= 0
    found = {}
    for name, text in family["schedules"].items():
        pieces: list[Any] = []
        for part in text.split(">"):
            kind, amount, count = re.fullmatch(
                r" *(gd|flow)(?:\(([^,]+)(?:, (\d+))?\))? *", part
            ).groups()
            rate = None if amount is None else evaluate(amount, point, Fraction) * unit
            assert rate is None or rate >= 0
            pieces.append((kind, rate) if count is None else (kind, rate, int(count)))
        found[name] = trained(spectra, noise, level, pieces, family.get("last_step", "whole"))
    values = quantities(spectra, level, found) | {name: Number(v) for name, v in point.items()}
    if level is not None:
        assert family["at_level"] == must_reach(content["claim"], list(found))
    reached = {name: run.reached or level is None for name, run in found.items()}
    return holds(content["claim"], values, reached)


def forge_family(draw: random.Random, content: Content) -> None:
    family = content["family"]
    what = draw.choice(["train", "test", "start_squared"])
    draw.choice(
        [
            partial(forge_box, draw, content),
            partial(forge_box, draw, content),
            lambda: family.update({what: family[what][::-1]}),
            lambda: family.update(
                {what: draw.choice([["1", "g", "g"], ["1"], "1g", ["g", "2*g"], ["1 - g", "-1"]])}
            ),
            lambda: family.update(
                level=draw.choice(["1/10", "-1/10", "g", None, "1/2", "1/g", True])
            ),
            lambda: family.update(last_step=draw.choice(["exact", "whole", "other", True])),
            lambda: family.pop("last_step"),
            lambda: family.update(noise=draw.choice([["1/4"], ["g"], ["-1"], ["0", "1"], "0", []])),
            lambda: family.update(at_level=draw.choice([[], ["gd"], ["flow", "gd"], [""]])),
            lambda: family["schedules"].update(
                gd=draw.choice(
                    [
                        "gd(1, 3)",
                        "flow(1)",
                        "gd(-1, 3)",
                        "gd(1, True)",
                        "gd(1, 3) > flow(",
                        "gd(1/2, 5) > flow",
                        "gd(1, 2",
                    ]
                )
            ),
            lambda: family["schedules"].pop("gd"),
        ]
    )()
