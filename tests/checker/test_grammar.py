"""What a certificate may not say: texts, numbers, fields and words that mean another thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from forgeries.written import HEAD, Content, boxes, family, identity, run, signed

from isoloss.checker import RejectedError, check, verify

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
    "~x", "not x", "x if x else x", "(y := x)", "f'{x}'", "'1'", "\"x\"", "b'1'", "1j", "True",
    "None", "False", "...", "[x]", "(x, x)", "()", "{x}", "{1: x}", "x[0]", "x.y", "x.y.z",
    "x.real", "lambda: x", "exp(x, base=2)", "exp(*x)", "max(*[x])", "max(**x)", "exp()",
    "exp(x, x)", "max()", "pow(x, 2)", "abs", "x % 1", "x // 1", "x @ x", "x << 1", "x >> 1",
    "x | 0", "x & 1", "x ^ 0", "x is x", "x in x", "x != 2", "x <> 2", "await x", "yield",
    "[x for x in x]", "print(x)", "x; x", "x\n", "x\r", "x # 1", "x\\\n", "\\x", "x\u0000",
    "x\u001b[2K", "x\u202e", "\u0445", "\uff58", "\u00d7", "x\u00b2", "x\u2009+ 0", "(x", "x)", "",
    " ", "x x", "1 2", "reached", "x.reached", "unknown", "x == x", "x < x", "-(x < x)",
    "~(x < x)", "+(x < x)", "exp (x)(x)", "-", "x -", "*x", "x,", "**x", "x**", "`x`", "$x", "x!",
    "0x10", "0b1", "0o7", "1__0", "1_", "1e", "1e5000", "1e-5000", "\uff11", "\u0661", "inf",
    "nan", "Infinity", "9" * 4001, "1.2.3", "1" + "+1" * 60_000, "-" * 500 + "x",
    "(" * 300 + "x" + ")" * 300,
]  # fmt: skip  # a table, one case in a line


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
    "\uff11", "0x10", "1_000", " 1", "1 ", "+1", "inf", "nan", "1e5000", "1/0", "1/-3", "", "1.",
    "--1", "1e", "1p", "p1", "1p1.5", "\u00bc", "1\n", "1,5", "True", 1, 1.0, True, None, ['1'],
    {},
]  # fmt: skip  # a table, one case in a line


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
        "train (1); test (1); start_squared (4); level 2 (last step whole); gd(1/4, 3) "
        "(absolute rates)"
    )
    later = run() | {"last_step": "exact", "level": "1"}
    later["runs"][""]["last_rate"] = ["1/4", "1/4"]
    assert "level 1 (last step exact)" in check(signed(later)).given
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
        ('"claim": ', '"claim": "test_loss == 9", "claim": ', "the key 'claim' occurs twice"),
        ('"steps": 1', '"steps": 2, "steps": 1', "the key 'steps' occurs twice"),
        ('"digest": ', '"digest": "x", "digest": ', "the key 'digest' occurs twice"),
        ('"steps": 1', '"steps": 1.0', "must not contain floats; got '1.0'"),
        ('"steps": 1', '"steps": NaN', "must not contain floats; got 'NaN'"),
        ('"steps": 1', '"steps": 1 /* 2 */', "this is not a JSON file"),
        ('"parts": ', '"parts": ' + "[" * 100_000, "this is not a JSON file"),
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
