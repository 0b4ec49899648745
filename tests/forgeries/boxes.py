"""Boxes: quadratic claims, whose least value on an interval is known."""

from __future__ import annotations

import random
import re
from fractions import Fraction

from forgeries.claims import HEAD, Content, changed_claim, number
from forgeries.truth import (
    Number,
    evaluate,
)


def uniform(depth: int, axes: str) -> str:
    return "." if depth == 0 else axes[depth % len(axes)] + 2 * uniform(depth - 1, axes)


def a_box(draw: random.Random) -> Content:
    low = Fraction(draw.randint(-6, 6), 3)
    box = {"x": [str(low), str(low + Fraction(draw.randint(0, 6), 4))]}
    a, b = (Fraction(draw.randint(-6, 6), 2) for _ in range(2))
    c = draw.choice([Fraction(0), Fraction(1, 7), Fraction(draw.randint(-9, 9), 3)])
    form = draw.choice(
        [
            f"{a}*x**2 + {b}*x",
            f"x*({a}*x + {b})",
            f"({b} + {a}*x)*x",
            f"{a}*abs(x)*abs(x) + x*({b})",
        ]
    )
    content = HEAD | {"kind": "for_all", "box": box, "family": None, "precision": 64}
    content["claim"] = f"{form} {draw.choice(['<', '<=', '>', '>='])} {c}"
    content |= {
        "verdict": "proved",
        "tree": uniform(draw.randint(0, 4), "a"),
        "counterexample": None,
    }
    if not box_is_true(content):
        middle = sum(map(Fraction, box["x"])) / 2
        content |= {"verdict": "disproved", "tree": "", "counterexample": [str(middle)]}
    return content


def box_is_true(content: Content) -> bool:
    """Whether a quadratic claim holds on the box, or fails at the counterexample."""
    ((low, high),) = [map(number, side) for side in content["box"].values()]
    assert low <= high
    sides = re.fullmatch(r"([^<>=a-wyz]+)(<=|>=|<|>|==)([^<>=]+)", content["claim"])
    if sides is None or re.search(r"/ *[^0-9 ]", content["claim"]):
        return box_is_true_in_points(content, low, high)

    def gap(x: Fraction) -> Fraction:
        left, right = (evaluate(sides[i], {"x": x}, Fraction) for i in (1, 3))
        assert isinstance(left - right, Fraction)
        return Fraction(left - right)

    def fits(value: Fraction) -> bool:
        return bool(eval(f"value {sides[2]} 0"))

    if content["verdict"] == "disproved":
        (point,) = map(number, content["counterexample"])
        return low <= point <= high and not fits(gap(point))
    points = [low, high]
    bend = (gap(Fraction(1)) + gap(Fraction(-1))) / 2 - gap(Fraction(0))
    slope = (gap(Fraction(1)) - gap(Fraction(-1))) / 2
    if bend and low < -slope / (2 * bend) < high:
        points.append(-slope / (2 * bend))
    return all(fits(gap(point)) for point in points)


def box_is_true_in_points(content: Content, low: Fraction, high: Fraction) -> bool:
    (name,) = content["box"]
    points = [low + (high - low) * Fraction(i, 40) for i in range(41)]
    if content["verdict"] == "disproved":
        points = list(map(number, content["counterexample"]))
        assert len(points) == 1
        assert low <= points[0] <= high
    truths = {evaluate(content["claim"], {name: Number(point)}, Number) for point in points}
    return truths == {content["verdict"] == "proved"}


def forge_box(draw: random.Random, content: Content) -> None:
    name = draw.choice(list(content["box"]))
    low, high = content["box"][name]
    draw.choice(
        [
            lambda: content.update(tree=content["tree"][:-1]),
            lambda: content.update(
                tree=content["tree"].replace(".", draw.choice(["?", "a..", ""]), 1)
            ),
            lambda: content.update(tree=draw.choice(["", ".", "a..", "b..", "a.a..", ["."], "?"])),
            lambda: content.update(verdict="proved", counterexample=None, tree="a" * 3 + "." * 4),
            lambda: content.update(
                verdict="disproved", tree="", counterexample=[low] * len(content["box"])
            ),
            lambda: content.update(counterexample=draw.choice([[high], ["9"], "1", [], None])),
            lambda: content["box"].update(
                {name: draw.choice([[high, low], [low, low], [low, str(Fraction(high) + 1)], low])}
            ),
            lambda: content.update(claim=changed_claim(draw, content["claim"])),
            lambda: content.update(
                claim=re.sub(r"\d", lambda _: str(draw.randint(0, 9)), content["claim"])
            ),
            lambda: content.update(
                box={draw.choice(["y", "x.y", "level", "flow", "time"]): [low, high]}
            ),
            lambda: content.update(precision=draw.choice([32, 8192, True, "64"])),
        ]
    )()
