"""Attacks on the checker: texts, numbers and fields that mean another thing, or take for ever."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flint
import pytest

from isoloss.checker import LimitError, RejectedError, check, verify
from isoloss.proof import ExactProblem, certify, for_all
from isoloss.proof.certificate import digest

Content = dict[str, Any]
HEAD: Content = {
    "format": "isoloss-certificate/1",
    "made_by": "x",
    "reason": "",
    "verdict": "proved",
}


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


TEXTS: dict[str, Callable[[str], Content]] = {
    "claim": lambda text: boxes(f"1 < 2 or {text} < 1"),
    "truth": lambda text: boxes(f"1 < 2 or ({text})"),
    "left": lambda text: identity(text, text, "x" * ("x" in text)),
    "right": lambda text: identity("x", f"x + 0*({text})", "x"),
    "train": lambda text: family(train=["1", text]),
    "level": lambda text: family(level=text),
    "noise": lambda text: family(noise=[text]),
    "rate": lambda text: family(schedules={"a": f"gd({text}, 2) > flow"}),
    "time": lambda text: family(schedules={"a": f"flow({text}) > flow"}),
    "count": lambda text: family(schedules={"a": f"gd(x, {text}) > flow"}),
}
ODD = [
    "~x",
    "not x",
    "x if x else x",
    "(y := x)",
    "f'{x}'",
    "'1'",
    '"x"',
    "b'1'",
    "1j",
    "True",
    "None",
    "False",
    "...",
    "[x]",
    "(x, x)",
    "()",
    "{x}",
    "{1: x}",
    "x[0]",
    "x.y",
    "x.y.z",
    "x.real",
    "lambda: x",
    "exp(x, base=2)",
    "exp(*x)",
    "max(*[x])",
    "max(**x)",
    "exp()",
    "exp(x, x)",
    "max()",
    "pow(x, 2)",
    "abs",
    "x % 1",
    "x // 1",
    "x @ x",
    "x << 1",
    "x >> 1",
    "x | 0",
    "x & 1",
    "x ^ 0",
    "x is x",
    "x in x",
    "x != 2",
    "x <> 2",
    "await x",
    "yield",
    "[x for x in x]",
    "print(x)",
    "x; x",
    "x\n",
    "x\r",
    "x # 1",
    "x\\\n",
    "\\x",
    "x\x00",
    "x\x1b[2K",
    "x\u202e",
    "\u0445",
    "\uff58",
    "\u00d7",
    "x\u00b2",
    "x\u2009+ 0",
    "(x",
    "x)",
    "",
    " ",
    "x x",
    "1 2",
    "reached",
    "x.reached",
    "unknown",
    "x == x",
    "x < x",
    "-(x < x)",
    "~(x < x)",
    "+(x < x)",
    "exp (x)(x)",
    "-",
    "x -",
    "*x",
    "x,",
    "**x",
    "x**",
    "`x`",
    "$x",
    "x!",
    "0x10",
    "0b1",
    "0o7",
    "1__0",
    "1_",
    "1e",
    "1e5000",
    "1e-5000",
    "\uff11",
    "\u0661",
    "inf",
    "nan",
    "Infinity",
    "9" * 4001,
    "1.2.3",
    "1" + "+1" * 60_000,
    "-" * 500 + "x",
    "(" * 300 + "x" + ")" * 300,
]


@pytest.mark.parametrize("place", TEXTS)
def test_what_is_not_on_the_list_is_rejected_in_each_text(place: str) -> None:
    assert check(signed(TEXTS[place]("1 < 2" if place == "truth" else "2"))).verdict == "proved"
    true = {"truth": {"x == x", "x < x"}, "claim": {"x == x", "x < x", "not x"}}.get(place, set())
    for text in ODD:
        if text not in true:
            with pytest.raises(RejectedError):
                check(signed(TEXTS[place](text)))


@pytest.mark.parametrize("text", ["+x", "-(-x)", "1_0 * x", "1.*x", ".5 + x", "1e1 * x", "2.5e-1"])
def test_what_is_on_the_list_is_accepted(text: str) -> None:
    assert check(signed(boxes(f"{text} < 10 and max({text}, 0) >= 0 and not {text} > 10"))).given
    assert check(signed(family(train=["1", text.replace("1_0 * ", "")]))).verdict == "proved"


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("+1", "-1", ""),
        ("2**(1/2)", "1", ""),
        ("2**0.5", "1", ""),
        ("x", "x", ""),
        ("x", "x", "x y"),
        ("x**1", "x**True", "x"),
        ("x/2", "x/(1+1)", "x"),
        ("x", "2*x", "x"),
        ("1/3", "0.333333333333333333333333", ""),
    ],
)
def test_false_identities_and_names_that_are_not_theirs_are_rejected(
    left: str, right: str, names: str
) -> None:
    for claim in (f"{left} == {right}", f"{left} == {left}"):
        with pytest.raises(RejectedError):
            check(signed(identity(left, right, names) | {"claim": claim}))


NUMBERS = [
    "１",
    "0x10",
    "1_000",
    " 1",
    "1 ",
    "+1",
    "inf",
    "nan",
    "1e5000",
    "1/0",
    "1/-3",
    "",
    "1.",
    "--1",
    "1e",
    "1p",
    "p1",
    "1p1.5",
    "¼",
    "1\n",
    "1,5",
    "True",
    1,
    1.0,
    True,
    None,
    ["1"],
    {},
]


@pytest.mark.parametrize(
    "key", ["level", "noise", "train", "rate", "time", "box", "point", "inside"]
)
def test_numbers_in_other_forms_are_rejected(key: str) -> None:
    for number in NUMBERS:
        if (key, number) == ("level", None) or number == "1.":
            continue
        content = run()
        if key in ("level", "noise"):
            content = run(**{key: number})
        elif key == "train":
            content = run(train=[number])
        elif key == "rate":
            content = run(schedule=[["gd", number, 3]])
        elif key in ("time", "inside"):
            content = run(**{key: [number, number]})
        elif key == "box":
            content = boxes("1 < 2") | {"box": {"x": ["0", number]}}
        else:
            content = boxes("1 > 2") | {
                "verdict": "disproved",
                "tree": "",
                "counterexample": [number],
            }
        with pytest.raises(RejectedError):
            check(signed(content))


def test_fields_of_another_type_are_rejected() -> None:
    assert check(signed(run())).given == (
        "train (1); test (1); start_squared (4); level 2; gd(1/4, 3) (absolute rates)"
    )
    for changed in (
        {"steps": True},
        {"steps": 1.0},
        {"steps": "1"},
        {"piece": False},
        {"piece": 0.0},
        {"reached": 1},
        {"precision": True},
        {"precision": 64.0},
        {"train": "1"},
        {"test": "1"},
        {"schedule": [["gd", "1/4", True]]},
        {"schedule": [["gd", "1/4", "1"]]},
        {"parts": ["11"]},
        {"schedule": ["gd"]},
        {"schedule": [["gd", "1/4"]]},
        {"schedule": [["flow", "1/4", 0]]},
        {"schedule": [["gd", "1/4", 3, 4]]},
        {"time": "0"},
        {"train_loss": ["1", "1", "1"]},
        {"schedule": [["gd", "-1/4", 3]]},
        {"at_level": ""},
        {"claim": ["1 < 2"]},
        {"runs": []},
        {"runs": {}},
        {"noise": "-1"},
        {"level": "-1"},
        {"start_squared": ["-1"]},
        {"test": []},
    ):
        with pytest.raises(RejectedError):
            check(signed(run(**changed)))
    for name in ("a.b", "level", "train1", "x y", "\u0430", "1a", "not", "max_lr"):
        content = run()
        content["runs"] = {name: content["runs"].pop("")}
        with pytest.raises(RejectedError):
            check(signed(content | {"claim": "level == 2", "at_level": []}))
        with pytest.raises(RejectedError):
            check(
                signed(
                    boxes("1 < 2", **family(train=["1", "1"])["family"])
                    | {"box": {name: ["0", "1"]}}
                )
            )
    for part in (None, "x", {}, run() | {"digest": "x"}):
        theorem = {"name": "t", "statement": "s", "argument": [], "parts": [part]}
        with pytest.raises(RejectedError):
            check(signed(HEAD | {"kind": "theorem"} | theorem))


def test_json_that_readers_may_take_in_two_ways_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    text = json.dumps(signed(run()))
    path.write_text(text)
    assert verify(path).verdict == "proved"
    for old, new, why in (
        ('"claim": ', '"claim": "test_loss == 9", "claim": ', "the key 'claim' is there twice"),
        ('"steps": 1', '"steps": 2, "steps": 1', "the key 'steps' is there twice"),
        ('"digest": ', '"digest": "x", "digest": ', "the key 'digest' is there twice"),
        ('"steps": 1', '"steps": 1.0', "no floats, as '1.0' is one"),
        ('"steps": 1', '"steps": NaN', "no floats, as 'NaN' is one"),
        ('"steps": 1', '"steps": 1 /* 2 */', "this is no JSON file"),
        ('"parts": ', '"parts": ' + "[" * 100_000, "this is no JSON file"),
    ):
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(RejectedError, match=why):
            verify(path)


@pytest.mark.parametrize("key", ["made_by", "reason", "name", "statement", "argument", "claim"])
def test_words_are_on_one_line(key: str) -> None:
    words = {"name": "t", "statement": "s", "argument": ["a"], "parts": [run()]}
    for odd in ("a\nb", "a\x1b[2K", "a\u202eb", "a\u2028b", 1, None):
        content = HEAD | {"kind": "theorem"} | words
        if key == "claim":
            content = run(claim=f"1 < 2 {odd}")
        else:
            content[key] = [odd] if key == "argument" else odd
        with pytest.raises(RejectedError):
            check(signed(content))


def added(texts: list[str]) -> str:
    half = len(texts) // 2
    return f"({added(texts[:half])} + {added(texts[half:])})" if half else texts[0]


def halved(depth: int) -> str:
    return "a" + 2 * halved(depth - 1) if depth else "."


LETTERS = "abcdefghijklmnopqrst"
V = [f"v{i}" for i in range(900)]
BOMBS: dict[str, tuple[Content, str, int]] = {
    "terms": (
        identity("*".join(f"({a}+1)" for a in LETTERS), "a", " ".join(LETTERS)),
        "200000 terms",
        10**7,
    ),
    "power": (
        identity(f"({'+'.join(LETTERS)})**50", "a", " ".join(LETTERS)),
        "200000 terms",
        10**7,
    ),
    "bits": (identity("((7**50)**50)**50 * a", "a", "a"), "131072 bits", 10**7),
    "degree": (
        identity("((a**50)**50)**9", "((a**50)**9)**50", "a"),
        "higher degree than 200",
        10**7,
    ),
    "names": (identity(added(V), "0", " ".join(V)), "100 variables", 10**7),
    "conjuncts": (boxes(" and ".join(["1 < 2"] * 200_000)), "100000 characters", 10**7),
    "cuts": (boxes("x < 2", tree="a" * 100_000), "cut 1000 times", 10**7),
    "boxes": (boxes("x < 2", tree=halved(12)), "20000 operations", 20_000),
    "ends": (
        family(
            "level > 0",
            level="x",
            train=["1", "x"],
            schedules={f"s{i}": "gd(1/8, 20) > flow" for i in range(99)},
        ),
        "more than 1024 ways",
        10**7,
    ),
    "pieces": (
        run(level="0", schedule=[["flow", "1/3"]] * 9999, reached=False, piece=9998, steps=0),
        "20000 operations",
        20_000,
    ),
    "texts": (
        family(train=["max(" + "1," * 9999 + "1)"] * 9, test=["1"] * 9, start_squared=["1"] * 9),
        "1000000 operations",
        10**6,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_take_for_ever_meets_a_bound_that_is_named(name: str) -> None:
    content, bound, work = BOMBS[name]
    start = time.process_time()
    with pytest.raises(LimitError, match=bound):
        check(signed(content), max_work=work)
    assert time.process_time() - start < 5


def test_more_work_can_be_allowed(tmp_path: Path) -> None:
    path = certify(PROBLEM, "gd(1, 10) > flow", "1/100", "test_loss <= 3/4 * level").save(
        tmp_path / "a"
    )
    assert verify(path).verdict == "proved"
    with pytest.raises(
        LimitError, match=r"more than 100 operations, the bound on work; allow more by"
    ):
        verify(path, max_work=100)


def test_a_theorem_of_many_parts_has_one_bound() -> None:
    part = boxes("exp(x) > 1")
    words = {"name": "t", "statement": "s", "argument": [], "parts": [part] * 2000}
    with pytest.raises(LimitError, match="more than 100000 operations"):
        check(signed(HEAD | {"kind": "theorem"} | words), max_work=100_000)


PROBLEM = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])


def test_precision_is_restored_and_each_thread_has_its_own() -> None:
    def prove(bits: int) -> list[Any]:
        claim = "exp(x) - 1 > x - 1/10"
        proof = for_all({"x": (0, 1)}, claim, bits=bits, progress=False)
        run = certify(PROBLEM, "flow", "1/7", f"time**2 > 0 and {bits} > 0")
        checked = check(json.loads(proof.to_json())), check(json.loads(run.to_json()))
        return [proof.content, run.content, checked]

    before = flint.ctx.prec
    try:
        flint.ctx.prec = 77
        sizes = (32, 64, 300, 2000)
        alone = {bits: prove(bits) for bits in sizes}
        found: list[tuple[int, list[Any]]] = []
        together = [
            threading.Thread(target=lambda bits=bits: found.append((bits, prove(bits))))
            for bits in sizes * 4
        ]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join(60)
        assert len(found) == len(together)
        assert all(alone[bits] == each for bits, each in found)
        assert flint.ctx.prec == 77
        with pytest.raises(RejectedError):
            check(signed(boxes("x > 1", bits=500)))
        assert flint.ctx.prec == 77
    finally:
        flint.ctx.prec = before
