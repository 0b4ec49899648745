"""Soundness: of thousands of statements, forged in any fields and signed, only true ones pass.

What is true is known from `statements`, which shares nothing with the checker or the prover. True
statements, made here too, must pass: a checker that rejects all would be sound as well.
"""

from __future__ import annotations

import contextlib
import copy
import random
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest
from statements import (
    CLOSE,
    MP,
    Ended,
    Number,
    evaluate,
    holds,
    must_reach,
    quantities,
    real,
    trained,
)

from isoloss.checker import RejectedError, check
from isoloss.proof.certificate import digest

Content = dict[str, Any]
HEAD = {"format": "isoloss-certificate/1", "made_by": "a forger", "reason": ""}


def accepted(content: Content) -> bool:
    """Whether a signed certificate passes; only `RejectedError` may come out."""
    try:
        found = check({**content, "digest": digest(content)})
    except RejectedError:
        return False
    assert found.verdict == content["verdict"]
    return True


# Identities: two polynomials are the same if they are at three random points of 10^9 each.


def polynomial(draw: random.Random, names: str, depth: int) -> str:
    if depth == 0 or draw.random() < 0.2:
        return draw.choice([*names, str(draw.randint(0, 9)), "1/3", "0.5", "1e1"])
    a, b = (polynomial(draw, names, depth - 1) for _ in range(2))
    return draw.choice(
        [f"{a} + {b}", f"{a} - ({b})", f"({a}) * ({b})", f"-({a})", f"({a})**{draw.randint(0, 3)}",
         f"({a}) / {draw.randint(1, 9)}"]
    )  # fmt: skip


def rewritten(draw: random.Random, text: str) -> str:
    """Return the same polynomial, written in another way."""
    return draw.choice(
        [f"({text}) + 0", f"1 * ({text})", f"-(-({text}))", f"2*({text}) - ({text})",
         f"(({text}) + 3/2)**2 - ({text})**2 - 2*({text}) - 9/4", f"({text}) / 7 * 7"]
    )  # fmt: skip


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
    draw.choice([
        lambda: content.update(verdict="proved"),
        lambda: content.update(variables=content["variables"][1:]),
        lambda: content.update(variables=[*content["variables"], "d"]),
        lambda: content.update(variables=[*content["variables"]][::-1]),
        lambda: content.update(claim=f"{content['right']} == {content['left']}"),
        lambda: resign(side, draw.choice(SIDES)),
        lambda: resign(side, f"{text[:at]}{draw.choice('+-*/%~ ')}{text[at + 1 :]}"),
        lambda: resign(side, f"{text} + {draw.choice(['0', '1', 'a', 'a - a', '~a', '(a == a)'])}"),
        lambda: resign(side, text.replace("**2", draw.choice(["**(2)", "**2.0", "**True", "**(1+1)"]))),
    ])()  # fmt: skip


# Runs: trained at 60 digits, each enclosure about the true value.


def ends(value: Any, bits: int = 90) -> list[str]:
    """Return an enclosure in binary, or a short fraction exactly."""
    if isinstance(value, int | Fraction) and max(abs(value.numerator), value.denominator) < 2**200:
        return [str(value)] * 2
    value = real(value)
    shift = bits - (int(MP.floor(MP.log(abs(value), 2))) if value else 0)
    low = int(MP.floor(value * MP.mpf(2) ** shift))
    return [f"{low - 1}p{-shift}", f"{low + 2}p{-shift}"]


def number(written: str) -> Any:
    mantissa, mark, exponent = written.partition("p")
    if mark:
        return MP.mpf(int(mantissa)) * MP.mpf(2) ** int(exponent)
    assert re.fullmatch(r"-?[0-9]+(/[0-9]+|\.[0-9]+|e-?[0-9]+)?", written)
    return Fraction(written)


def a_fraction(draw: random.Random, low: int, high: int) -> str:
    return str(Fraction(draw.randint(low * 12, high * 12), 12))


def runs(content: Content) -> tuple[dict[str, Any], Fraction | None, dict[str, Ended]]:
    """Train as a certificate's problem and schedules say."""
    spectra = {
        key: list(map(number, content["problem"][key]))
        for key in ("train", "test", "start_squared")
    }
    level = None if content["level"] is None else number(content["level"])
    noise = number(content["problem"]["noise"])
    found = {}
    for name, run in content["runs"].items():
        pieces = [
            (kind, None if amount is None else number(amount), *rest)
            for kind, amount, *rest in run["schedule"]
        ]
        found[name] = trained(spectra, noise, level, pieces)
    return spectra, level, found


def some_runs(draw: random.Random) -> Content:
    d = draw.choice([1, 2, 2, 3])
    problem: dict[str, Any] = {
        "train": [a_fraction(draw, 0, 2) for _ in range(d)],
        "test": [a_fraction(draw, 0, 2) for _ in range(d)],
        "start_squared": [a_fraction(draw, 0, 9) for _ in range(d)],
        "noise": draw.choice(["0", "0", "1/8"]),
    }
    content = HEAD | {"kind": "runs", "problem": problem, "precision": 128, "runs": {}}
    content["level"] = draw.choice([None, "0", "1/10", "1/3", "1", a_fraction(draw, 0, 4)])
    endless = content["level"] is not None and "0" not in problem["train"]
    for name in draw.choice([[""], ["flow"], ["flow", "gd"]]):
        pieces = [
            draw.choice(
                [
                    ["gd", a_fraction(draw, 0, 1), draw.randint(0, 9)],
                    ["flow", a_fraction(draw, 0, 2)],
                ]
            )
            for _ in range(draw.randint(1, 3))
        ]
        content["runs"][name] = {"schedule": [*pieces, *[["flow", None]] * endless]}
    spectra, level, found = runs(content)
    for name, run in found.items():
        content["runs"][name] |= {
            "reached": run.reached, "piece": run.piece, "steps": run.steps,
            "inside": None if run.inside is None else ends(run.inside, 100),
            "time": None if run.time is None else ends(run.time),
            "train_loss": ends(run.train_loss), "test_loss": ends(run.test_loss),
            "parts": [ends(part) for part in run.parts],
        }  # fmt: skip
    content["claim"] = a_claim(draw, content, quantities(spectra, level, found))
    content["at_level"] = [] if level is None else must_reach(content["claim"], list(found))
    content["verdict"] = "proved"
    if not runs_are_true(content):
        content["verdict"] = "disproved"
    return content


def a_claim(draw: random.Random, content: Content, values: Mapping[str, Any]) -> str:
    """Return a claim that is true or false by little, or by much."""

    def compared() -> str:
        names = [f"{name}.{key}".lstrip(".") for name in content["runs"]
                 for key in ("test_loss", "train_loss", "steps", "part1")]  # fmt: skip
        names += ["train1", "square1"] + ["level"] * ("level" in values)
        one, other = draw.choice(names), draw.choice(names)
        a, b = (evaluate(name, values, Number).value for name in (one, other))
        factor = Fraction(draw.choice([1, 2, 3]), 2)
        if b:
            near = Fraction(int(MP.nint(a / b * 10**9)), 10**9)
            factor = draw.choice([factor, near * (1 + Fraction(draw.choice([-1, 1]), 10**5)), near])
        return f"{one} {draw.choice(['<', '<=', '>', '>=', '=='])} {factor} * {other}"

    reached = f"{draw.choice(list(content['runs']))}.reached".lstrip(".")
    one, other = compared(), compared()
    return draw.choice(
        [one, one, f"{one} and {other}", f"{one} or not {other}", f"{reached} and {one}"]
    )


def runs_are_true(content: Content) -> bool:
    spectra, level, found = runs(content)
    for name, run in content["runs"].items():
        real_run = found[name]
        if (run["reached"], run["piece"], run["steps"]) != (
            real_run.reached,
            real_run.piece,
            real_run.steps,
        ):
            return False
        pairs = [
            (run[key], getattr(real_run, key))
            for key in ("inside", "time", "train_loss", "test_loss")
        ]
        pairs += zip(run["parts"], real_run.parts, strict=True)
        if not all(contains(stated, value) for stated, value in pairs):
            return False
    if level is not None and content["at_level"] != must_reach(content["claim"], list(found)):
        return False
    reached = {name: run.reached or level is None for name, run in found.items()}
    truth = holds(content["claim"], quantities(spectra, level, found), reached)
    return truth is (content["verdict"] == "proved")


def contains(stated: list[str] | None, value: Any) -> bool:
    if stated is None or value is None:
        return stated is None and value is None
    low, high = (real(number(end)) for end in stated)
    room = CLOSE * abs(real(value))
    return bool(low - room <= real(value) <= high + room)


def forge_runs(draw: random.Random, content: Content) -> None:
    run = content["runs"][draw.choice(list(content["runs"]))]
    key = draw.choice(["time", "train_loss", "test_loss", "inside", *["parts"] * 2])
    row = draw.choice(run["parts"]) if key == "parts" else run[key]
    what = draw.choice(["train", "test", "start_squared"])
    i = draw.randrange(len(content["problem"][what]))
    piece = draw.choice(run["schedule"])

    def moved() -> None:
        end = draw.randrange(2)
        if row is None:
            run[key] = ["1/3", "1/3"]
        elif "p" in row[end]:
            mantissa, _, exponent = row[end].partition("p")
            row[end] = (
                f"{int(mantissa) + draw.choice([-9, -1, 1, 2, 4, 10**9, -(10**9)])}p{exponent}"
            )
        else:
            row[end] = draw.choice([row[1 - end], "0", "0p0", f"{row[end]}1"])

    def narrowed() -> None:
        if row is not None:
            row[draw.randrange(2)] = row[draw.randrange(2)]

    draw.choice([
        moved, moved, narrowed,
        lambda: content.update(verdict="disproved" if content["verdict"] == "proved" else "proved"),
        lambda: content.update(claim=changed_claim(draw, content["claim"])),
        lambda: content.update(level=draw.choice([None, "0", "1/7", "2", "-1", "1e-3", True])),
        lambda: content.update(at_level=draw.choice([[], [*content["runs"]], [""], ["other"]])),
        lambda: content.update(precision=draw.choice([32, 64, 8192, True, 10**9])),
        lambda: content["problem"].update({what: [*content["problem"][what][:i], a_fraction(draw, -1, 2), *content["problem"][what][i + 1:]]}),
        lambda: content["problem"].update({what: "".join(map(str, content["problem"][what]))}),
        lambda: content["problem"].update(noise=draw.choice(["0", "1", "-1", "0.1"])),
        lambda: run.update(reached=not run["reached"]),
        lambda: run.update(piece=draw.choice([run["piece"] - 1, run["piece"] + 1, True, 0])),
        lambda: run.update(steps=draw.choice([run["steps"] + 1, run["steps"] - 1, True, "0", 0.0])),
        lambda: run.update(inside=draw.choice([None, ["0p0", "9p9"], run["time"]])),
        lambda: run.update(time=draw.choice([None, ["0", "0"], ["-1p0", "9p9"]])),
        lambda: run.update(parts=run["parts"][::-1]),
        lambda: run["schedule"].append(["flow", None]),
        lambda: run["schedule"].insert(0, ["gd", "1/3", 1]),
        lambda: piece.__setitem__(1, draw.choice(["1/3", None, "-1/3", "1", 1])),
        lambda: piece.__setitem__(len(piece) - 1, draw.choice([1, 2, True, "1/2", 10**4])),
        lambda: content.update(runs={draw.choice("abc"): each for each in content["runs"].values()}),
    ])()  # fmt: skip


def changed_claim(draw: random.Random, claim: str) -> str:
    return draw.choice([
        claim.replace("<", ">"), claim.replace(">", "<"), claim.replace("=", ""), f"not ({claim})",
        f"({claim}) or 1 < 0", f"({claim}) and 1 == 1", claim.replace("*", draw.choice("+-/")),
        claim.replace("* ", "* ~"), claim.replace("1", "True"), f"{claim} if 1 < 2 else 1 < 2",
        f"max(*[1]) == 1 or {claim}", claim.replace("test_loss", "train_loss"), "1 < 2 < 3", "1",
        claim.replace("flow.", "gd."), f"{claim} == (1 < 2)", f"1/0 > 1 or {claim}", "(x := 1) == 1",
    ])  # fmt: skip


# Boxes: quadratic claims, whose least value is known; families of problems, looked at in points.


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
        return bool(eval(f"value {sides[2]} 0"))  # noqa: S307 - one of five signs

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
        "train": ["1", "g"], "test": draw.choice([["1", "1"], ["g", "1"]]),
        "start_squared": ["1", "s" if "s" in box else "2"], "noise": ["0"],
        "level": draw.choice(["1/10", "g / 5", None]), "schedules": schedules,
    }  # fmt: skip
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
            for share, (name, (low, high)) in zip(each, sides.items())
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
        found[name] = trained(spectra, noise, level, pieces)
    values = quantities(spectra, level, found) | {name: Number(v) for name, v in point.items()}
    if level is not None:
        assert family["at_level"] == must_reach(content["claim"], list(found))
    reached = {name: run.reached or level is None for name, run in found.items()}
    return holds(content["claim"], values, reached)


def forge_box(draw: random.Random, content: Content) -> None:
    name = draw.choice(list(content["box"]))
    low, high = content["box"][name]
    draw.choice([
        lambda: content.update(tree=content["tree"][:-1]),
        lambda: content.update(tree=content["tree"].replace(".", draw.choice(["?", "a..", ""]), 1)),
        lambda: content.update(tree=draw.choice(["", ".", "a..", "b..", "a.a..", ["."], "?"])),
        lambda: content.update(verdict="proved", counterexample=None, tree="a" * 3 + "." * 4),
        lambda: content.update(verdict="disproved", tree="", counterexample=[low] * len(content["box"])),
        lambda: content.update(counterexample=draw.choice([[high], ["9"], "1", [], None])),
        lambda: content["box"].update({name: draw.choice([[high, low], [low, low], [low, str(Fraction(high) + 1)], low])}),
        lambda: content.update(claim=changed_claim(draw, content["claim"])),
        lambda: content.update(claim=re.sub(r"\d", lambda _: str(draw.randint(0, 9)), content["claim"])),
        lambda: content.update(box={draw.choice(["y", "x.y", "level", "flow", "time"]): [low, high]}),
        lambda: content.update(precision=draw.choice([32, 8192, True, "64"])),
    ])()  # fmt: skip


def forge_family(draw: random.Random, content: Content) -> None:
    family = content["family"]
    what = draw.choice(["train", "test", "start_squared"])
    draw.choice([
        lambda: forge_box(draw, content), lambda: forge_box(draw, content),
        lambda: family[what].reverse(),
        lambda: family.update({what: draw.choice([["1", "g", "g"], ["1"], "1g", ["g", "2*g"], ["1 - g", "-1"]])}),
        lambda: family.update(level=draw.choice(["1/10", "-1/10", "g", None, "1/2", "1/g", True])),
        lambda: family.update(noise=draw.choice([["1/4"], ["g"], ["-1"], ["0", "1"], "0", []])),
        lambda: family.update(at_level=draw.choice([[], ["gd"], ["flow", "gd"], [""]])),
        lambda: family["schedules"].update(gd=draw.choice(["gd(1, 3)", "flow(1)", "gd(-1, 3)", "gd(1, True)", "gd(1, 3) > flow(", "gd(1/2, 5) > flow", "gd(1, 2"])),
        lambda: family["schedules"].pop("gd"),
    ])()  # fmt: skip


KINDS: dict[str, tuple[Any, Any, Any, int, int]] = {
    "identities": (an_identity, forge_identity, identity_is_true, 250, 6),
    "runs": (some_runs, forge_runs, runs_are_true, 120, 14),
    "boxes": (a_box, forge_box, box_is_true, 150, 6),
    "families": (a_family, forge_family, family_is_true, 25, 8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_true_statements_are_accepted(kind: str) -> None:
    made, forge, is_true, count, forgeries = KINDS[kind]
    draw = random.Random(kind)
    honest = passed = rejected = 0
    for _ in range(count):
        content = made(draw)
        true = is_true(content)
        honest += true
        found = accepted(content)
        assert true or not found, content
        passed += found
        for _ in range(forgeries):
            forged = copy.deepcopy(content)
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                for _ in range(draw.choice([1, 1, 2, 3])):
                    forge(draw, forged)  # what has lost its shape is forged no further
            if accepted(forged):
                assert is_true(forged), forged
            else:
                rejected += 1
    assert passed > 0.7 * honest
    assert rejected > 0.5 * count * forgeries
