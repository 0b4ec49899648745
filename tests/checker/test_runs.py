"""The shortened last step: its rate is the smallest root of a quadratic; none other passes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from forgeries.written import Content, family, run, signed

from isoloss.checker import RejectedError, check

WIDE: dict[str, Any] = {key: ["0p0", "1p9"] for key in ("train_loss", "test_loss")}
WIDE |= {"parts": [["0p0", "1p9"]], "claim": "1 < 2", "at_level": []}


def exact(last_rate: Any, level: str = "9/4", **changed: Any) -> Content:
    """Return a run from train loss 4 by steps of rate 1/4, which leave a quarter of it."""
    content = run(**{"level": level, **WIDE, **changed})
    content["runs"][""]["last_rate"] = last_rate
    return content | {"last_step": "exact"}


def stated(verdict: str, content: Content) -> None:
    assert check(signed(content)).verdict == verdict


def test_the_rate_is_the_smallest_at_which_the_step_ends_at_the_level() -> None:
    # 4·(1 - 2s)² = 9/4 at s = 1/8, and at s = 7/8
    stated(
        "proved",
        exact(
            ["1/8", "1/8"],
            claim="last_rate == 1/8 and train_loss == level and test_loss == 9/4 and steps == 1",
            at_level=[""],
            train_loss=["9/4", "9/4"],
            test_loss=["9/4", "9/4"],
        ),
    )
    long = [["gd", "1", 3]]  # a step of rate 1 ends at 4, and leaves the level between
    for content in (
        exact(["7/8", "7/8"], schedule=[["gd", "7/8", 1]]),  # the other root, the whole step's end
        exact(["1/4", "1/4"]),  # the whole step
        exact(["1/9", "1/9"]),
        exact(["3p-5", "4p-5"][::-1]),
        exact(["1p-4", "1p-3"][:1] * 2),  # below
        exact(["9p-6", "1p-2"]),  # above
        exact(None),
        exact("1/8"),
        exact(["1/8", "1/8"], schedule=long),
        exact(["1/8", "1/8"], reached=False),
    ):
        with pytest.raises(RejectedError):
            check(signed(content))
    stated("proved", exact(["1/8", "1/8"], schedule=[["gd", "7/8", 1]]))


def test_a_rate_that_is_no_fraction_is_enclosed() -> None:
    # 4·(1 - 2s)² = 2 at s = (1 - 1/√2)/2 = 0.146446609406726…
    low, high = (Fraction(f"0.14644660940672{end}") for end in (6, 7))
    ends = [f"{low * 2**80 // 1}p-80", f"{high * 2**80 // 1}p-80"]
    stated("proved", exact(ends, "2"))
    stated("proved", exact(["0p0", "1p-2"], "2"))  # wide, and true
    for wrong in ([ends[0]] * 2, ["0p0", ends[0]], [ends[1], "1p-2"], ["1/8", "1/8"]):
        with pytest.raises(RejectedError):
            check(signed(exact(wrong, "2")))


def test_a_step_that_only_touches_the_level_is_whole() -> None:
    touching = {"level": "0", "schedule": [["gd", "1/2", 1]], "train_loss": ["0", "0"]}
    stated("proved", exact(["1/2", "1/2"], **touching))
    # at rates 1/2 and 1/4 of γ = (1, 2) the parts are (0, 2·4) and (1, 0)
    two = {"train": ["1", "2"], "test": ["1", "1"], "start_squared": ["4", "4"]}
    two |= {"parts": [["0p0", "1p9"]] * 2, "schedule": [["gd", "1/3", 1]], "level": "4/3"}
    stated("proved", exact(["0p0", "1p0"], **two))


def test_without_the_field_the_step_is_whole() -> None:
    whole = run()
    stated("proved", whole)
    stated("proved", whole | {"last_step": "whole"})
    with pytest.raises(RejectedError):
        check(signed(whole | {"last_step": "exact"}))
    for other in ("nearest", None, True, ["exact"], ""):
        with pytest.raises(RejectedError):
            check(signed(whole | {"last_step": other}))
    forged = exact(["1/8", "1/8"])
    del forged["last_step"]  # its whole step has no such rate
    with pytest.raises(RejectedError):
        check(signed(forged))
    with pytest.raises(RejectedError):
        check(signed(forged | {"last_step": "whole"}))


def test_each_end_of_a_family_has_its_own_rate() -> None:
    one = {"train": ["1"], "test": ["1"], "start_squared": ["4"], "schedules": {"a": "gd(1/4, 3)"}}
    one |= {"level": "2 + x", "at_level": ["a"], "last_step": "exact"}  # x from 1/4 to 1/2
    between = "9/4 <= a.train_loss <= 5/2 and 9/4 <= a.test_loss <= 5/2 and a.steps == 1"
    stated("proved", family(between, **one))
    # from (1 - √(5/8))/2 = 0.1047 to 1/8
    stated("proved", family("52/500 < a.last_rate < 126/1000", **one))
    for claim in ("a.last_rate < 1/8", "a.last_rate > 21/200", "a.test_loss < 9/4"):
        with pytest.raises(RejectedError):
            check(signed(family(claim, **one)))
    del one["last_step"]
    stated("proved", family("a.test_loss == 1", **one))
    with pytest.raises(RejectedError):
        check(signed(family(between, **one)))


def test_a_step_that_only_some_problems_end_in_counts_with_the_others() -> None:
    # the first step ends at 1, at or below the level 5/8 + x for x >= 3/8 only
    one = {"train": ["1"], "test": ["1"], "start_squared": ["4"], "schedules": {"a": "gd(1/4, 3)"}}
    one |= {"level": "x + 5/8", "at_level": ["a"], "last_step": "exact"}
    stated("proved", family("7/8 <= a.test_loss <= 9/8 and a.last_rate <= 1/4", **one))
    for claim in ("a.steps == 1", "a.steps == 2", "a.last_rate < 1/5", "a.last_rate > 1/5"):
        with pytest.raises(RejectedError):
            check(signed(family(claim, **one)))
