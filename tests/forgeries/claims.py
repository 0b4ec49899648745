"""What forgeries of several kinds have in common."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import Any

from forgeries.truth import (
    MP,
)

Content = dict[str, Any]
HEAD = {"format": "isoloss-certificate/1", "made_by": "a forger", "reason": ""}


def number(written: str) -> Any:
    mantissa, mark, exponent = written.partition("p")
    if mark:
        return MP.mpf(int(mantissa)) * MP.mpf(2) ** int(exponent)
    assert re.fullmatch(r"-?[0-9]+(/[0-9]+|\.[0-9]+|e-?[0-9]+)?", written)
    return Fraction(written)


def a_fraction(draw: random.Random, low: int, high: int) -> str:
    return str(Fraction(draw.randint(low * 12, high * 12), 12))


def changed_claim(draw: random.Random, claim: str) -> str:
    return draw.choice(
        [
            claim.replace("<", ">"),
            claim.replace(">", "<"),
            claim.replace("=", ""),
            f"not ({claim})",
            f"({claim}) or 1 < 0",
            f"({claim}) and 1 == 1",
            claim.replace("*", draw.choice("+-/")),
            claim.replace("* ", "* ~"),
            claim.replace("1", "True"),
            f"{claim} if 1 < 2 else 1 < 2",
            f"max(*[1]) == 1 or {claim}",
            claim.replace("test_loss", "train_loss"),
            "1 < 2 < 3",
            "1",
            claim.replace("flow.", "gd."),
            f"{claim} == (1 < 2)",
            f"1/0 > 1 or {claim}",
            "(x := 1) == 1",
        ]
    )
