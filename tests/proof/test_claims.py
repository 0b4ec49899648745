"""certify: verdicts that cannot be wrong, on edges too, and errors that say what to do."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as il
from isoloss.checker import check
from isoloss.proof import Certificate, ExactProblem, band, certify, lemma2

PAPER = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])
BOTH = {"flow": "flow", "annealed": "gd(1, 10) > flow"}


def checked(proof: Certificate) -> str:
    """Return the verdict, once the checker agrees with it."""
    if proof.verdict != "undecided":
        assert check(json.loads(proof.to_json())).verdict == proof.verdict
    return proof.verdict


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        # equality, met exactly
        ("annealed.test_loss == 3/4 * level", "proved"),
        ("annealed.test_loss <= 3/4 * level", "proved"),
        ("annealed.test_loss < 3/4 * level", "disproved"),
        ("annealed.test_loss > 3/4 * level", "disproved"),
        ("annealed.test_loss >= 3/2 * level * (1 - 1/2)", "proved"),
        ("annealed.test_loss >= 3/2 * level * (1 - 0.4999999999)", "disproved"),
        ("flow.train_loss == level", "proved"),
        # a ratio below 2, by 5 parts in a million
        ("flow.test_loss >= 1.9999 * annealed.test_loss", "proved"),
        ("flow.test_loss >= 2 * annealed.test_loss", "disproved"),
        ("1.9999 < flow.test_loss / annealed.test_loss < 2", "proved"),
        (
            "flow.reached and annealed.reached and annealed.steps == 10 and flow.steps == 0",
            "proved",
        ),
        ("not flow.reached or annealed.time > flow.time", "disproved"),
        ("flow.part1 + flow.part2 == level", "undecided"),
        ("test1 == test2 and train1 * square1 > 66 and level < 1", "proved"),
        ("max(flow.test_loss, annealed.test_loss) == flow.test_loss", "undecided"),
        (
            "max(flow.test_loss, annealed.test_loss) > 1.99 * min(flow.test_loss, level)",
            "disproved",
        ),
        ("exp(-4 * train2 * flow.time) <= level / (train2 * square2)", "proved"),
    ],
)
def test_claims_about_the_papers_example(claim: str, verdict: str) -> None:
    assert checked(certify(PAPER, BOTH, "1/10000", claim, max_precision=1024)) == verdict


def test_a_claim_near_the_edge_takes_the_precision_that_it_needs() -> None:
    # L_D = 3/2·ε - 3/4·(the part along the steep direction), so the two sides are equal
    for digits in (20, 200, 1000):
        claim = f"test_loss < 3/2 * level - 3/4 * part1 + 10**-{digits}"
        proof = certify(PAPER, "flow", "1/10000", claim)
        assert checked(proof) == "proved"
        assert proof.content["precision"] > digits * 3.3 - 64
    proof = certify(PAPER, "flow", "1/10000", "test_loss < 3/2 * level - 3/4 * part1 + 10**-9999")
    assert checked(proof) == "undecided"
    assert "4096 bits" in proof.reason


@pytest.mark.parametrize(
    ("level", "claim", "verdict"),
    [
        # ε at the start's loss, just above it, just below it
        (100, "reached and steps == 0 and time == 0 and train_loss == 100", "proved"),
        ("100.0000001", "steps == 0 and reached", "proved"),
        ("99.9999999", "steps == 0", "disproved"),
        # after one step at 1/(2γ₁) the other part is 1/3·100/4: met with equality
        ("25/3", "reached and steps == 1 and train_loss == level", "proved"),
        ("24/3", "steps == 1", "disproved"),
        (0, "reached", "disproved"),
        (None, "not reached and steps == 3", "proved"),
    ],
)
def test_levels_on_the_edge(level: Any, claim: str, verdict: str) -> None:
    schedule = "gd(1/2, 3)" if level is None else "gd(1/2, 3) > flow"
    assert checked(certify(PAPER, schedule, level, claim)) == verdict


def test_zero_curvature_equal_curvatures_and_rest() -> None:
    quarter = ExactProblem.from_spectra([1, 0], ["1/2", "1/2"], [-10, -10])
    same = "a.test_loss == b.test_loss and a.reached and b.steps == 1000000001"
    found = certify(quarter, {"a": "flow", "b": "gd(3/2, 1000000001) > flow"}, "0.1", same)
    assert checked(found) == "proved"
    equal = ExactProblem.from_spectra([1, 1], [2, 2], [3, 4])
    assert checked(certify(equal, "flow", "1/7", "test_loss == 2 * level")) == "proved"
    flat = ExactProblem.from_spectra([0, 0], [1, 1], [3, 4])
    assert checked(certify(flat, "gd(1, 9) > flow", 0, "reached and steps == 0")) == "proved"
    rest = ExactProblem.from_spectra([1, 2], [1, 1], [0, 0], noise="1/8")
    assert checked(certify(rest, "flow", None, "test_loss == 1/8")) == "proved"


def test_a_loss_that_rises_before_the_next_step_is_not_reached() -> None:
    # parts 1 and 1/100 with factors 1/2 and 8: a dip between two whole steps
    problem = ExactProblem.from_squares([1, 6], [1, 1], [1, "1/600"])
    text = "gd(3/2, 3)"  # η = 1/4: factors 1/2 and -2
    for level, steps in (("0.29", 1), ("0.2225", 2)):
        proof = certify(problem, text, level, f"reached and steps == {steps}")
        assert checked(proof) == "proved"
    assert checked(certify(problem, text, "0.2224", "not reached and steps == 3")) == "proved"


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=4),
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.integers(0, 30),
    st.fractions(Fraction(1, 20), Fraction(3, 2), max_denominator=20),
    st.fractions(Fraction(1, 1000), 100, max_denominator=1000),
)
def test_verdicts_agree_with_the_engine(
    train: list[int], test: list[int], start: list[int], steps: int, rate: Fraction, level: Fraction
) -> None:
    test, start = test[: len(train)], start[: len(train)]
    run = il.train(
        il.Problem.from_spectra(train, test, start),
        il.anneal(float(rate / max(train)), steps),
        float(level),
    )
    problem = ExactProblem.from_spectra(train, test, start)
    schedule = f"gd({rate}, {steps}) > flow"
    loss = Fraction(float(run.test_loss))
    near = Fraction(1, 10**9) * (loss + level)
    for bound, verdict in ((loss + near, "proved"), (loss - near, "disproved")):
        claim = f"reached and test_loss <= {bound.numerator}/{bound.denominator}"
        proof = certify(problem, schedule, level, claim)
        if proof.content["runs"][""]["steps"] == int(run.steps):  # else rounding tips a step
            assert checked(proof) == verdict


@pytest.mark.parametrize(
    "claim",
    ["max(1, 0*({0} - {0}) + 5) <= 2", "min(1, 0*({0} - {0} + test_loss) - 5) >= 0", "{0} > 1"],
)
def test_numbers_beyond_what_arb_holds_decide_nothing(claim: str) -> None:
    huge = "exp(exp(exp(exp(9))))"
    proof = certify(PAPER, "flow", "1/100", claim.format(huge), max_precision=256)
    assert proof.verdict == "undecided"
    assert "a number beyond what can be held" in proof.reason


def test_many_directions() -> None:
    d = 150
    train = [Fraction(d - i, d) / (1 if i < 50 else 4) for i in range(d)]
    problem = ExactProblem.from_squares(train, [1] * d, [10**6] * d)
    assert checked(lemma2(problem, range(50, d), 1, 3)) == "proved"
    assert checked(band(train, [1] * d)) == "proved"


def test_a_schedule_that_does_not_reach_the_level_makes_a_claim_false() -> None:
    both = {"flow": "flow(1)", "annealed": "gd(1, 10)"}
    proof = certify(PAPER, both, "1/100", "flow.test_loss > 2 * annealed.test_loss")
    assert checked(proof) == "disproved"
    assert proof.reason == "flow and annealed do not reach the level"
    assert proof.content["at_level"] == ["flow", "annealed"]
    proof = certify(PAPER, both, "1/100", "flow.test_loss > 0 and not annealed.reached")
    assert proof.reason == "flow does not reach the level"
    for claim in ("not flow.reached and flow.test_loss > 1", "train1 > 0", "level < 1"):
        proof = certify(PAPER, both, "1/100", claim)
        assert checked(proof) == "proved"
        assert proof.content["at_level"] == []
    assert checked(certify(PAPER, both, None, "flow.test_loss > 0")) == "proved"


def test_the_time_of_a_flow_without_end_is_no_number() -> None:
    proof = certify(PAPER, "flow", 0, "not reached and time > 3")
    assert proof.verdict == "undecided"
    assert proof.reason == "not decided: time is infinite, in up to 4096 bits"
    proof = certify(PAPER, "flow", 1, "test_loss / (test1 - test2) > 0 or log(-level) > 0")
    assert proof.reason == "not decided: a division by 0, in up to 4096 bits"


@pytest.mark.parametrize(
    "value", ["0.1", Decimal("0.1"), Fraction(1, 10), 0.1, np.float64(0.1), np.float32(0.1)]
)
def test_numbers_are_what_they_say(value: Any) -> None:
    problem = ExactProblem.from_spectra([value, np.int64(2)], [1, 1], [1, 1])
    exact = (
        Fraction(1, 10) if isinstance(value, str | Decimal | Fraction) else Fraction(float(value))
    )
    assert str(problem.train[0]) == str(exact)


def test_texts_have_relative_rates_and_schedules_absolute_ones() -> None:
    for schedule in ("gd(1/2, 3)", "gd(3/4 / max_lr, 3)", il.GradientDescent(0.75, 3)):
        proof = certify(PAPER, schedule, None, "part1 == 0 and part2 == 25/48")
        assert checked(proof) == "proved"
        assert proof.content["runs"][""]["schedule"] == [["gd", "3/4", 3]]


def test_a_problem_of_floats_is_taken_as_it_is() -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    proof = certify(problem, il.anneal(1.5, 10), 1e-4, "test_loss <= 3/4 * level + 1e-15")
    assert checked(proof) == "proved"
    # the binary 2/3 is no 2/3, so that equality fails
    assert checked(certify(problem, il.anneal(1.5, 10), 1e-4, "test_loss == 3/4 * level")) == (
        "disproved"
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"problem": 3}, TypeError, "problem must be an ExactProblem or a Problem; got int"),
        ({"level": "x"}, ValueError, "level must be a number such as 2, '1/3' or '0.1'; got 'x'"),
        ({"level": -1}, ValueError, "level must be at least 0, as train losses are; got -1"),
        ({"level": float("nan")}, ValueError, "level must be finite; got nan"),
        ({"level": True}, TypeError, "level must be a number; got the truth value True"),
        ({"level": "1e99999999"}, ValueError, "level must be a number"),
        ({"level": [1]}, TypeError, "level must be an integer, a Fraction, a float or a decimal"),
        ({"schedule": 3}, TypeError, "a schedule is a text such as"),
        ({"schedule": "gd(1)"}, ValueError, "is not gd.RATE, K., flow.TIME. or flow"),
        ({"schedule": "cosine(1, 9)"}, ValueError, "gradient descent and gradient flow"),
        ({"schedule": "gd(1, 1.5)"}, ValueError, "number of steps must be a whole number"),
        ({"schedule": "gd(-1, 3)"}, ValueError, "a rate or time must not be negative, as '-1' is"),
        ({"schedule": "gd(a, 3)"}, ValueError, "unknown name 'a'"),
        ({"schedule": il.HeavyBall(0.1, 0.9, 3)}, ValueError, "the schedule has HeavyBall"),
        ({"schedule": {"a b": "flow"}}, ValueError, "must be a word; got 'a b'"),
        ({"claim": 3}, TypeError, "claim must be a text such as"),
        ({"claim": "test_loss <"}, ValueError, "is no expression"),
        (
            {"claim": "test_loss = 1"},
            ValueError,
            "in Python's grammar; equality is ==",
        ),
        ({"claim": "level ^ 2 < 1"}, ValueError, r"\*\* .not \^."),
        ({"schedule": {}}, ValueError, "give at least one schedule"),
        ({"schedule": {"level": "flow"}}, ValueError, "may not be called 'level'"),
        ({"max_precision": "x"}, TypeError, "integer"),
        (
            {"claim": "tst_loss < 1"},
            ValueError,
            "unknown name 'tst_loss' .did you mean 'test_loss'",
        ),
        ({"claim": "sin(level) < 1"}, ValueError, "unknown function 'sin'"),
        ({"claim": "exp(level, 2) < 1"}, ValueError, "exp takes 1 argument"),
        ({"claim": "level"}, TypeError, "is a number, where a claim is needed: compare it"),
        ({"claim": "reached + 1 < 3"}, TypeError, "'reached' is a claim, where a number is needed"),
        ({"claim": "level and reached"}, TypeError, "'level' is a number, where a claim is needed"),
        ({"claim": "[1] < 2"}, ValueError, r"may not use '\[1\]'"),
        ({"claim": "level // 2 < 1"}, ValueError, "may not use 'level // 2'"),
        ({"claim": "level != 1"}, ValueError, "may not use"),
        ({"claim": "1 < " + "(" * 100_000}, ValueError, "longer than 100000 characters"),
        ({"claim": "level" + " + level" * 200 + " > 0"}, ValueError, "nested more than 100 deep"),
        ({"claim": "level > 0 # or not"}, ValueError, "has a comment"),
        ({"claim": "level >\x1b 0"}, ValueError, "unprintable characters"),
        ({"claim": "1e100000000 > 1"}, ValueError, "a number in an expression must be a number"),
        ({"claim": "0x10 > 1"}, ValueError, "a number in an expression must be a number"),
        ({"level": "1e-9000"}, ValueError, "level must be a number"),
        ({"level": Fraction(1, 10**5000)}, ValueError, "level has more than 4000 digits; round it"),
        ({"schedule": "gd(exp(1), 2)"}, ValueError, "rates and times must be exact numbers"),
        ({"schedule": "flow(2**100000)"}, ValueError, "rates and times must be exact numbers"),
        ({"schedule": "gd(1/0, 2)"}, ValueError, "has a division by 0"),
        ({"schedule": "flow("}, ValueError, "is not gd.RATE, K., flow.TIME. or flow"),
        ({"schedule": {"\uff46low": "flow"}}, ValueError, "ASCII letters only"),
        ({"schedule": "flow\u2009> flow"}, ValueError, "only printable ASCII characters"),
        ({"schedule": "gd(1, \u0661)"}, ValueError, "only printable ASCII characters"),
        (
            {"schedule": "gd(1, 1_0)"},
            ValueError,
            "number of steps must be a whole number; got '1_0'",
        ),
        (
            {"claim": "level > \uff10"},
            ValueError,
            "only printable ASCII .*; it has '\uff10'",
        ),
        ({"schedule": {1: "flow"}}, ValueError, "must be a word; got 1"),
        ({"max_precision": 8}, ValueError, "max_precision must be from 64 to 8192 bits; got 8"),
    ],
)
def test_errors_say_what_was_wrong(change: Any, error: type[Exception], message: str) -> None:
    given = {"problem": PAPER, "schedule": "flow", "level": 1, "claim": "test_loss < 1"} | change
    with pytest.raises(error, match=message):
        certify(**given)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1], [1, 2], [1]), ValueError, "one number for each direction; got 1, 2 and 1"),
        (([-1], [1], [1]), ValueError, "train must not be negative; got -1"),
        (([1], ["-1/2"], [1]), ValueError, "test must not be negative; got -1/2"),
        ((["x"], [1], [1]), ValueError, r"train\[0\] must be a number such as"),
        (([1j], [1], [1]), TypeError, r"train\[0\] must be an integer"),
        (("12", [1], [1]), TypeError, "train must be a sequence of numbers; got '12'"),
        (([], [], []), ValueError, "one number for each direction"),
    ],
)
def test_bad_spectra(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ExactProblem.from_spectra(*arguments)


def test_other_problems_are_refused() -> None:
    general = il.Problem.from_data([[1.0, 0.5], [0.0, 1.0]], [1.0, 2.0], [[1.0, 1.0]], [2.0])
    with pytest.raises(ValueError, match="proofs are about commuting problems"):
        certify(general, "flow", 1, "reached")
    many = il.Problem.from_spectra([[1.0], [2.0]], [1.0], [1.0])
    with pytest.raises(ValueError, match="this is a batch"):
        certify(many, "flow", 1, "reached")


def test_certificates_are_saved_whole_and_never_over_another(tmp_path: Any) -> None:
    proof = certify(PAPER, "flow", 1, "reached")
    path = proof.save(tmp_path / "a.json")
    assert Certificate.load(path) == proof
    with pytest.raises(FileExistsError, match="exists; choose another name"):
        proof.save(path)
    proof.save(path, overwrite=True)
    with pytest.raises(OSError, match="cannot write"):
        proof.save(tmp_path / "none" / "a.json")
    path.write_text("{}")
    with pytest.raises(ValueError, match="is not a certificate of the format"):
        Certificate.load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="is not a JSON file"):
        Certificate.load(path)
    whole = json.loads(proof.to_json())
    for broken in ({"runs": {"": {}}}, {"runs": 3}):
        path.write_text(json.dumps({**whole, **broken}))
        with pytest.raises(ValueError, match="fields are missing, or have the wrong type"):
            Certificate.load(path)
    path.write_text(json.dumps({"format": whole["format"]}))
    with pytest.raises(ValueError, match="fields are missing, or have the wrong type"):
        Certificate.load(path)


def test_losses_beyond_floats_are_printed() -> None:
    up = certify(PAPER, "gd(3, 2000)", None, "test_loss > 1")
    assert "train loss 7.65471404" in str(up) or "e+" in str(up)
    down = certify(PAPER, "flow(10000)", None, "test_loss < 1")
    log10 = mpmath.log10(50) - mpmath.mpf(4) / 3 * 15000 / mpmath.log(10)  # of λ_2δ_2²
    mantissa = mpmath.nstr(mpmath.mpf(10) ** (log10 - mpmath.floor(log10)), 8)
    assert f"test loss {mantissa[:7]}" in str(down)
    assert f"e-{-int(mpmath.floor(log10))}…" in str(down)


def test_a_last_step_is_shortened_to_end_at_the_level_or_whole() -> None:
    # one step at rate 1/2·3/2 removes the steep direction and leaves 25/3 of the other
    for last_step, claim in (
        ("exact", "train_loss == level and steps == 1 and last_rate < 3/4"),
        ("whole", "train_loss == 25/3 and steps == 1"),
    ):
        proof = certify(PAPER, "gd(1/2, 9)", 9, claim, last_step=last_step)  # type: ignore[arg-type]  # a str
        assert checked(proof) == "proved"
        assert proof.content["last_step"] == last_step
    whole = certify(PAPER, "gd(1/2, 9)", 9, "last_rate > 0", last_step="whole")
    assert whole.reason.startswith("not decided: last_rate is of no step: none is shortened")
    default = certify(PAPER, "gd(1/2, 9)", 9, "test_loss > 0")
    assert default.content["last_step"] == "exact"
    run = il.train(
        il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10]),
        il.GradientDescent(0.75, 9),
        9.0,
    )
    low, high = (
        mpmath.mpf(int(m)) * mpmath.mpf(2) ** int(e)
        for m, e in (end.split("p") for end in default.content["runs"][""]["last_rate"])
    )
    assert float(low) == pytest.approx(float(run.last_rate), rel=1e-14)
    assert float(high) == pytest.approx(float(run.last_rate), rel=1e-14)
    assert f"after 1 step, the last at rate {float(low):.12g}…" in str(default)


def test_a_rational_rate_is_exact_and_a_crossing_between_two_ends_is_left_alone() -> None:
    one = ExactProblem.from_squares([1], [1], [4])
    claim = "last_rate == 1/8 and test_loss == 9/4 and steps == 1"
    assert checked(certify(one, "gd(1/4, 3)", "9/4", claim)) == "proved"
    # at rate 1 each step crosses the level and ends above it, as at η = 1/γ₁ of the paper
    assert checked(certify(one, "gd(1, 3)", "9/4", "not reached and steps == 3")) == "proved"
    # a step that only touches level 0, and one whose end is the level
    assert checked(certify(one, "gd(1/2, 1)", 0, "last_rate == 1/2 and test_loss == 0")) == "proved"
    assert checked(certify(one, "gd(1/4, 1)", 1, "last_rate == 1/4 and test_loss == 1")) == "proved"
    # past the lowest point the other root is the whole step's end: the smaller one is taken
    assert checked(certify(one, "gd(3/4, 1)", 1, "last_rate == 1/4")) == "proved"
    # a start at the level takes no step, and a flow ends at it anyway
    assert checked(certify(one, "gd(1/4, 3)", 4, "steps == 0 and train_loss == 4")) == "proved"
    assert certify(one, "flow", 1, "time > 0").content["runs"][""]["last_rate"] is None


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("gd(1/4, 3, batch_size=2) > flow", "leave out batch_size=2"),
        ("flow(weight_decay=0.1)", "leave out weight_decay=0.1"),
        ("cosine(1/4, 3, momentum=0.9)", "proofs are about gradient descent and gradient flow"),
        (il.GradientDescent(0.25, 3, batch_size=2), "full batches without weight decay; the sch"),
        (il.GradientFlow(weight_decay=0.1), "full batches without weight decay; the schedule has"),
        (il.HeavyBall(0.25, 0.5, 3), "the schedule has HeavyBall"),
    ],
)
def test_what_is_more_than_plain_descent_is_not_proved(schedule: Any, words: str) -> None:
    problem = ExactProblem.from_spectra([1, "1/2"], [1, 1], [1, 1])
    with pytest.raises(ValueError, match=words):
        certify(problem, schedule, "1/2", "test_loss > 0")
