"""Identities: two polynomials are the same if they are at three random points of 10^9 each."""

from __future__ import annotations

import random
import re
from fractions import Fraction

from forgeries.claims import HEAD, Content
from forgeries.truth import (
    evaluate,
)


def polynomial(draw: random.Random, names: str, depth: int) -> str:
    if depth == 0 or draw.random() < 0.2:
        return draw.choice([*names, str(draw.randint(0, 9)), "1/3", "0.5", "1e1"])
    a, b = (polynomial(draw, names, depth - 1) for _ in range(2))
    return draw.choice(
        [
            f"{a} + {b}",
            f"{a} - ({b})",
            f"({a}) * ({b})",
            f"-({a})",
            f"({a})**{draw.randint(0, 3)}",
            f"({a}) / {draw.randint(1, 9)}",
        ]
    )


def rewritten(draw: random.Random, text: str) -> str:
    """Return the same polynomial, written in another way."""
    return draw.choice(
        [
            f"({text}) + 0",
            f"1 * ({text})",
            f"-(-({text}))",
            f"2*({text}) - ({text})",
            f"(({text}) + 3/2)**2 - ({text})**2 - 2*({text}) - 9/4",
            f"({text}) / 7 * 7",
        ]
    )


def an_identity(draw: random.Random) -> Content:
    names = draw.choice(["", "a", "ab", "abc"])
    left = polynomial(draw, names, 3)
    right = rewritten(draw, left) if draw.random() < 0.7 else polynomial(draw, names, 3)
    used = sorted(set(re.findall(r"\b[abc]\b", f"{left} {right}")))
    content = HEAD | {"kind": "identity", "left": left, "right": right, "variables": used}
    content |= {"claim": f"{left} == {right}", "verdict": "proved"}
    content["verdict"] = "proved" if identity_is_true(content) else "disproved"
    return content


def identity_is_true(content: Content) -> bool:
    draw = random.Random(0)
    same = True
    for _ in range(3):
        values = {name: Fraction(draw.randint(1, 10**9), 7) for name in content["variables"]}
        sides = [evaluate(content[side], values, Fraction) for side in ("left", "right")]
        assert all(isinstance(side, Fraction) for side in sides)
        same &= sides[0] == sides[1]
    assert content["claim"] == f"{content['left']} == {content['right']}"
    return same is (content["verdict"] == "proved")


SIDES = [
    "+1",
    "-1",
    "~1",
    "2**(1/2)",
    "a**-1",
    "a**0.5",
    "True",
    "1j",
    "1",
    "a",
    "0",
    "a if a else 1",
]


def forge_identity(draw: random.Random, content: Content) -> None:
    def resign(side: str, text: str) -> None:
        content[side] = text
        content["claim"] = f"{content['left']} == {content['right']}"

    side = draw.choice(["left", "right"])
    text = content[side]
    signs = [i for i, letter in enumerate(text) if letter in "+-*/"]
    at = draw.choice(signs) if signs else 0
    draw.choice(
        [
            lambda: content.update(verdict="proved"),
            lambda: content.update(variables=content["variables"][1:]),
            lambda: content.update(variables=[*content["variables"], "d"]),
            lambda: content.update(variables=[*content["variables"]][::-1]),
            lambda: content.update(claim=f"{content['right']} == {content['left']}"),
            lambda: resign(side, draw.choice(SIDES)),
            lambda: resign(side, f"{text[:at]}{draw.choice('+-*/%~ ')}{text[at + 1 :]}"),
            lambda: resign(
                side, f"{text} + {draw.choice(['0', '1', 'a', 'a - a', '~a', '(a == a)'])}"
            ),
            lambda: resign(
                side, text.replace("**2", draw.choice(["**(2)", "**2.0", "**True", "**(1+1)"]))
            ),
        ]
    )()
