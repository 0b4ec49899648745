"""Runs: trained at 60 digits, each enclosure about the true value."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from forgeries.claims import HEAD, Content, a_fraction, changed_claim, number
from forgeries.truth import (
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


def ends(value: Any, bits: int = 90) -> list[str]:
    """Return an enclosure in binary, or a short fraction exactly."""
    if isinstance(value, int | Fraction) and max(abs(value.numerator), value.denominator) < 2**200:
        return [str(value)] * 2
    value = real(value)
    shift = bits - (int(MP.floor(MP.log(abs(value), 2))) if value else 0)
    low = int(MP.floor(value * MP.mpf(2) ** shift))
    return [f"{low - 1}p{-shift}", f"{low + 2}p{-shift}"]


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
        found[name] = trained(spectra, noise, level, pieces, content.get("last_step", "whole"))
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
    if draw.random() < 0.8:  # older certificates do not say it, and are about whole steps
        content["last_step"] = draw.choice(["exact", "exact", "whole"])
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
            "reached": run.reached,
            "piece": run.piece,
            "steps": run.steps,
            "inside": None if run.inside is None else ends(run.inside, 100),
            "time": None if run.time is None else ends(run.time),
            "last_rate": None if run.last_rate is None else ends(run.last_rate),
            "train_loss": ends(run.train_loss),
            "test_loss": ends(run.test_loss),
            "parts": [ends(part) for part in run.parts],
        }
        if "last_step" not in content:
            del content["runs"][name]["last_rate"]
    content["claim"] = a_claim(draw, content, found, quantities(spectra, level, found))
    content["at_level"] = [] if level is None else must_reach(content["claim"], list(found))
    content["verdict"] = "proved"
    if not runs_are_true(content):
        content["verdict"] = "disproved"
    return content


def a_claim(
    draw: random.Random, content: Content, found: Mapping[str, Ended], values: Mapping[str, Any]
) -> str:
    """Return a claim that is true or false by little, or by much."""

    def compared() -> str:
        names = [
            f"{name}.{key}".lstrip(".")
            for name in content["runs"]
            for key in ("test_loss", "train_loss", "steps", "part1")
        ]
        names += [f"{name}.last_rate".lstrip(".") for name, run in found.items() if run.last_rate]
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
            (run.get(key), getattr(real_run, key))
            for key in ("inside", "time", "last_rate", "train_loss", "test_loss")
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
    key = draw.choice(["time", "last_rate", "train_loss", "test_loss", "inside", *["parts"] * 2])
    row = draw.choice(run["parts"]) if key == "parts" else run.get(key)
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

    draw.choice(
        [
            moved,
            moved,
            narrowed,
            lambda: content.update(
                verdict="disproved" if content["verdict"] == "proved" else "proved"
            ),
            lambda: content.update(claim=changed_claim(draw, content["claim"])),
            lambda: content.update(level=draw.choice([None, "0", "1/7", "2", "-1", "1e-3", True])),
            lambda: content.update(at_level=draw.choice([[], [*content["runs"]], [""], ["other"]])),
            lambda: content.update(precision=draw.choice([32, 64, 8192, True, 10**9])),
            lambda: content["problem"].update(
                {
                    what: [
                        *content["problem"][what][:i],
                        a_fraction(draw, -1, 2),
                        *content["problem"][what][i + 1 :],
                    ]
                }
            ),
            lambda: content["problem"].update({what: "".join(map(str, content["problem"][what]))}),
            lambda: content["problem"].update(noise=draw.choice(["0", "1", "-1", "0.1"])),
            lambda: run.update(reached=not run["reached"]),
            lambda: run.update(piece=draw.choice([run["piece"] - 1, run["piece"] + 1, True, 0])),
            lambda: run.update(
                steps=draw.choice([run["steps"] + 1, run["steps"] - 1, True, "0", 0.0])
            ),
            lambda: content.update(last_step=draw.choice(["exact", "whole", "nearest", None])),
            lambda: content.pop("last_step"),
            lambda: run.update(last_rate=draw.choice([None, ["0", "0"], ["0p0", "1p9"], "1/4"])),
            lambda: run.update(inside=draw.choice([None, ["0p0", "9p9"], run["time"]])),
            lambda: run.update(time=draw.choice([None, ["0", "0"], ["-1p0", "9p9"]])),
            lambda: run.update(parts=run["parts"][::-1]),
            lambda: run["schedule"].append(["flow", None]),
            lambda: run["schedule"].insert(0, ["gd", "1/3", 1]),
            lambda: piece.__setitem__(1, draw.choice(["1/3", None, "-1/3", "1", 1])),
            lambda: piece.__setitem__(len(piece) - 1, draw.choice([1, 2, True, "1/2", 10**4])),
            lambda: content.update(
                runs={draw.choice("abc"): each for each in content["runs"].values()}
            ),
        ]
    )()
