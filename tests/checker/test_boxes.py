"""Claims in ranges: what holds everywhere is proved, what is open or false is not."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from forgeries.written import Content, boxes, family, run, signed

from isoloss.checker import RejectedError, check

# On 1/4 <= x <= 1/2: true ones that a single box decides, and such as are false somewhere.
TRUE = [
    "x + 1 > 5/4 - 1/100", "x - 1 < -1/2 + 1/100", "-x >= -1/2", "2 * x <= 1", "-3 * x < -1/2",
    "1/x <= 4", "x / 2 >= 1/8", "x**2 <= 1/4", "(x - 3/8)**2 >= 0", "(x - 3/8)**3 > -1/500",
    "x**-1 >= 2", "x**(1/2) >= 1/2", "2**x < 3/2", "abs(x - 3/8) >= 0", "abs(-x) >= 1/4",
    "max(x, 3/8) >= 3/8", "max(3/8, x) <= 1/2", "min(x, 3/8) <= 3/8", "min(1/8, x) == 1/8",
    "max(x, 1) == 1", "exp(x) > 1", "exp(x) < 2", "log(x) < 0", "log(x) > -2", "sqrt(x) >= 1/2",
    "0 < x < 1", "not x > 1", "1 < 2 or x > 3/8", "x < 1 and x > 0", "exp(0) == 1", "log(1) == 0",
    "(x - 3/8) * (x - 3/8) > -1", "1/3 + 1/6 == 1/2", "0.1 + 0.2 == 0.3", "x + 0 <= 1/2",
]  # fmt: skip  # a table, one case in a line
FALSE = [
    "x > 3/8", "x >= 3/8", "x < 3/8", "x <= 3/8", "x == 3/8", "not x > 3/8", "not x == 3/8",
    "x + x < 3/4", "x - 3/8 < 0", "-x > -3/8", "2 * x > 3/4", "(x - 3/8) * x > -1/100",
    "(x - 3/8) * (x - 5/16) > 0", "1/x < 3", "1/x > 3", "x / 2 > 1/5", "1/(x - 3/8) > 0",
    "1/(x - 3/8) < 5 or 1 < 2", "(x - 3/8)**2 > 1/1000", "(x - 3/8)**2 < 1/100 - 1/1000",
    "(x - 3/8)**3 > 0", "x**-1 < 3", "x**(1/2) < 3/5", "x**x > 7/10", "2**x > 5/4",
    "abs(x - 3/8) > 1/100", "abs(x - 3/8) < 1/100", "max(x, 3/8) < 2/5", "max(3/8, x) == 3/8",
    "min(x, 3/8) > 3/10", "min(3/8, x) == x", "exp(x) > 3/2", "exp(x) < 3/2", "log(x) > -1",
    "log(x) < -1", "log(x - 3/8) < 9", "sqrt(x) < 3/5", "sqrt(x - 3/8) >= 0", "0 < x < 3/8",
    "x < 1 and x > 3/8", "x > 3/8 or x > 2/5", "(3/8 - x)**(1/2) >= 0", "x - x == 1/100",
    "0.1 + 0.2 == 0.30000000000000004", "1/3 == 0.3333333333333333", "exp(1) == 2.718281828459045",
    "exp(x) * exp(-x) == 1", "1 < 1", "1 == 2", "1 > 1", "2 <= 1", "not 1 == 1", "1/0 > 1",
    "x > 0 and not x > 0",
]  # fmt: skip  # a table, one case in a line


@pytest.mark.parametrize("claim", TRUE)
def test_true_claims_are_proved(claim: str) -> None:
    assert check(signed(boxes(claim))).verdict == "proved"
    assert check(signed(boxes(claim, tree="a..", bits=300))).verdict == "proved"


@pytest.mark.parametrize("claim", FALSE)
def test_claims_that_fail_somewhere_are_not_proved(claim: str) -> None:
    for tree in (".", "aa..a.."):
        with pytest.raises(RejectedError):
            check(signed(boxes(claim, tree=tree)))


def test_a_point_disproves_only_what_fails_there() -> None:
    def disproved(claim: str, point: str) -> Content:
        return boxes(claim) | {"verdict": "disproved", "tree": "", "counterexample": [point]}

    assert check(signed(disproved("x > 3/8", "3/8"))).verdict == "disproved"
    for claim, point in (
        ("x > 3/8", "2/5"), ("exp(x) * exp(-x) == 1", "3/8"), ("1/0 > 1", "3/8"), ("x > 3/8", "0"),
        ("not exp(x) * exp(-x) == 1", "3/8"), ("x > 3/8", "3/4"), ("x < 3/8 or 1 == 1", "3/8"),
    ):  # fmt: skip  # a table, some cases in a line
        with pytest.raises(RejectedError):
            check(signed(disproved(claim, point)))


def test_sums_lose_nothing_to_rounding() -> None:
    tiny = "1/1" + "0" * 60  # far below the last of 128 bits
    for claim in (f"exp(1) + {tiny} > exp(1) + 2*{tiny}", f"log(2) * (1 + {tiny}) <= log(2)"):
        for bits in (32, 64):
            with pytest.raises(RejectedError):
                check(signed(boxes(claim, bits=bits)))
            with pytest.raises(RejectedError):
                check(signed(boxes(f"not {claim}", bits=bits) | {"verdict": "proved"}))


def test_each_of_the_ways_to_end_counts() -> None:
    # After two steps the train loss is 0.43: whether the level x is reached depends on x.
    open_end = {"level": "x", "train": ["1", "1/8"], "schedules": {"a": "gd(1/8, 2)"}}
    for claim in ("a.reached", "not a.reached", "a.steps > 1", "a.steps < 9", "a.train_loss > x"):
        reached = {"at_level": []} if "reached" in claim else {"at_level": ["a"]}
        with pytest.raises(RejectedError):
            check(signed(family(claim, **open_end, **reached)))
    found = family("a.reached or not a.reached", **open_end)
    with contextlib.suppress(RejectedError):
        assert check(signed(found)).verdict == "proved"
    for schedule, claim in (("gd(1, 3)", "a.part1 == 0"), ("gd(1/2, 1)", "a.part2 < 1/2")):
        one = family(claim, level=None, schedules={"a": schedule}, train=["2", "x"])
        if schedule == "gd(1, 3)":
            with pytest.raises(RejectedError):  # (1 - 2)^6 = 1
                check(signed(one))
        else:
            assert check(signed(one)).verdict == "proved"


@pytest.mark.parametrize(
    "end",
    [
        {"level": "5", "schedule": [["gd", "3/2", 1]], "reached": False},  # the start is there
        {"piece": -1, "steps": 0},  # the start, of train loss 4, is not
        {"level": "1/2"},  # one step ends at 1
        {"steps": 2},  # the first is there already
        {"steps": 0},
        {"reached": False, "steps": 3},
        {"level": "1/100", "schedule": [["gd", "1/4", 1]] * 2, "reached": False},  # goes on
        {"level": "1/100", "schedule": [["gd", "1/4", 1]], "reached": False, "steps": 2},
        {"schedule": [["flow", "1"]], "reached": False, "steps": 0},  # ends at 4/e^4
        {"schedule": [["flow", "1/100"]], "steps": 0, "inside": ["0p0", "1p0"]},  # above 2
        {"schedule": [["flow", "1"]], "steps": 0, "inside": ["1p-1", "1p0"]},  # at log(2)/4
        {"schedule": [["flow", "1"]], "steps": 0, "inside": ["0p0", "1p-3"]},
        {"schedule": [["flow", "1"]], "steps": 0, "inside": ["-1p0", "1p0"]},
        {"schedule": [["gd", "-1/4", 1]], "reached": False},  # no rate
        {"level": None},  # there is none to reach
    ],
)
def test_runs_that_end_elsewhere_are_rejected(end: dict[str, Any]) -> None:
    wide: dict[str, Any] = {key: ["0p0", "1p9"] for key in ("train_loss", "test_loss", "time")}
    wide |= {"parts": [["0p0", "1p9"]], "claim": "1 < 2", "at_level": []}
    assert check(signed(run(**wide))).verdict == "proved"
    flow = {"schedule": [["flow", "1"]], "steps": 0, "inside": ["1p-3", "1p-2"]}
    assert check(signed(run(**wide, **flow))).verdict == "proved"
    with pytest.raises(RejectedError):
        check(signed(run(**(wide | end))))


def test_a_start_that_may_be_at_the_level_counts() -> None:
    either = {"level": "x", "train": ["3/8"], "test": ["1"], "start_squared": ["1"]}
    for claim in ("a.steps == 1", "a.steps == 0", "a.train_loss == 0"):
        with pytest.raises(RejectedError):
            check(signed(family(claim, **either, schedules={"a": "gd(1/2, 1)"}, at_level=["a"])))


def test_a_loss_that_dips_below_the_level_between_two_steps_has_reached_it() -> None:
    # 25·0.4375^(2k) + 0.001·1.25^(2k) is 0.04 after 4 steps, and 7.5 after 20.
    dips: dict[str, Any] = {"train": ["1/4", "1"], "test": ["1", "1"], "level": "1/10"}
    dips |= {"start_squared": ["100", "1/1000"], "schedule": [["gd", "9/8", 20]], "claim": "1 < 2"}
    dips |= {key: ["0p0", "1p9"] for key in ("train_loss", "test_loss", "time")}
    dips |= {"parts": [["0p0", "1p9"]] * 2, "at_level": [], "reached": False, "steps": 20}
    with pytest.raises(RejectedError, match="the run may end elsewhere than stated"):
        check(signed(run(**dips)))
    assert check(signed(run(**dips | {"level": "1/100"}))).verdict == "proved"


def test_all_times_at_which_a_flow_may_end_count() -> None:
    one = {"level": "x", "train": ["1"], "test": ["1"], "start_squared": ["1"], "at_level": ["a"]}
    for claim in ("a.time < 1/4", "a.time > 1/4", "a.time < 17/100", "a.time > 35/100"):
        with pytest.raises(RejectedError):  # log(1/x)/4 is from 0.173 to 0.347
            check(signed(family(claim, **one, schedules={"a": "flow"})))
    proved = family("17/100 < a.time < 35/100", **one, schedules={"a": "flow"})
    assert check(signed(proved)).verdict == "proved"
    for claim in ("a.reached", "not a.reached"):  # the flow may be too short
        short = one | {"schedules": {"a": "flow(1/4)"}, "at_level": []}
        with pytest.raises(RejectedError):
            check(signed(family(claim, **short)))


def test_rates_are_in_units_of_the_largest_stable_one_and_boxes_have_points() -> None:
    one = {"train": ["2", "1"], "level": None, "schedules": {"a": "gd(1, 1)"}}
    assert check(signed(family("a.part1 == 2 and a.part2 == 0", **one))).verdict == "proved"
    with pytest.raises(
        RejectedError, match="a range of the box has its lower end above its upper end"
    ):
        check(signed(boxes("x > 1") | {"box": {"x": ["1/2", "1/4"]}}))
