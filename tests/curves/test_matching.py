import json

import numpy as np
import pytest

from isoloss import curves

STEP = np.arange(50, 5001, 50)


def run(name, *, scale=20.0, gap=0.1, noise=0.0, seed=0):
    """Return a run whose test loss lies above its train loss by a known gap."""
    rng = np.random.default_rng(seed)
    train = 1 + scale / np.sqrt(STEP)
    test = train + gap * (2.0 - train)
    return curves.LossCurve(
        STEP,
        train + noise * rng.normal(size=STEP.size),
        1e-3,
        test_loss=test + noise * rng.normal(size=STEP.size),
        name=name,
    )


def test_differences_at_equal_train_loss_are_those_of_the_gaps():
    found = curves.match([run("a"), run("b", scale=30, gap=0.3)], [1.6, 1.5])
    assert found.levels.tolist() == [1.6, 1.5]
    np.testing.assert_allclose(found.matched["b"].difference, [0.2 * 0.4, 0.2 * 0.5], rtol=2e-3)
    np.testing.assert_allclose(found.matched["a"].test_loss, [1.64, 1.55], rtol=1e-3)
    np.testing.assert_allclose(found.matched["a"].step, [(20 / 0.6) ** 2, 40**2], rtol=5e-3)
    np.testing.assert_allclose(found.matched["b"].step, [(30 / 0.6) ** 2, 60**2], rtol=5e-3)
    assert found.matched["b"].effects.tolist() == ["hurts", "hurts"]
    assert found.matched["a"].effects.tolist() == ["reference", "reference"]
    assert found.verdicts == (
        "At equal train loss, b hurts at both levels (test loss 0.0800 to 0.1000 higher than that "
        "of a; train loss 1.600 to 1.500).",
    )


def test_levels_between_rows_far_apart_are_compared():
    # from step 0 to step 2 is more than an e-fold
    step = np.arange(0, 41, 2)
    train = 2 / (1 + step)
    runs = [
        curves.LossCurve(step, train, 1e-3, test_loss=train + gap, name=name)
        for name, gap in (("a", 0.1), ("b", 0.2))
    ]
    found = curves.match(runs, [1.5, 1.0])
    np.testing.assert_allclose(found.matched["b"].difference, 0.1, rtol=1e-6)


def test_seeds_that_are_compared_one_by_one_are_said():
    runs = [run(f"{name}_seed{seed}", seed=seed, noise=0.01) for name in "ab" for seed in (0, 1)]
    assert "'a_seed0', 'a_seed1', 'b_seed0', 'b_seed1' are named like seeds of" in "".join(
        curves.match(runs, 2).notes
    )
    groups = {name: [f"{name}_seed0", f"{name}_seed1"] for name in "ab"}
    for other in (curves.match(runs, 2, groups=groups), curves.match(runs[1:3], 2)):
        assert "named like seeds" not in "".join(other.notes)


def test_another_reference_turns_the_difference_round():
    runs = [run("a"), run("b", scale=30, gap=0.3)]
    forth = curves.match(runs, 3).matched["b"].difference
    back = curves.match(runs, 3, reference="b").matched["a"].difference
    np.testing.assert_allclose(forth, -back)


GAP = -0.025  # of the test losses of a cool-down and a constant rate, at every train loss


def schedule(name: str, correlation: float = 0.0, seed: int = 0, noise: float = 0.01):
    """Return a run with noise, whose loss has the kink of a cool-down if it is called so."""
    rng, rates = np.random.default_rng(seed), np.full(5000, 1e-3)
    train = 1 + 20 / np.sqrt(STEP)
    if name == "wsd":
        rates[4000:] = np.linspace(1e-3, 0, 1000)
        train = train - 0.1 * np.clip(STEP / 1000 - 4, 0, None)
    test = 0.1 + train - (0.0 if name == "flat" else -GAP)
    train = train + correlated(rng, noise, correlation)
    test = test + correlated(rng, noise / 4, correlation)  # more rows are behind a test loss
    return curves.LossCurve(STEP, train, rates, test_loss=test, name=name)


def correlated(rng: np.random.Generator, size: float, correlation: float):
    """Return noise whose successive values are correlated, by a plain loop."""
    found = [rng.normal()]
    for _ in STEP[1:]:
        fresh = np.sqrt(1 - correlation**2) * rng.normal()
        found.append(correlation * found[-1] + fresh)
    return size * np.array(found)


@pytest.mark.parametrize(("correlation", "least"), [(0.0, 0.79), (0.5, 0.66)])
def test_intervals_of_single_runs_hold_as_often_as_they_say(correlation, least):
    held = []
    for seed in range(40):
        runs = [schedule(name, correlation, 2 * seed + i) for i, name in enumerate(("wsd", "flat"))]
        # one level comes just before the cool-down starts, the other within it
        found = curves.match(runs, [1.33, 1.29]).matched["wsd"]
        reached = np.isfinite(found.difference)
        held += ((found.low <= GAP) & (found.high >= GAP))[reached].tolist()
    assert len(held) > 70
    # 90 % are meant, with a standard error of 0.035 (80 intervals). With noise that lasts for
    # several rows it is less, as the docstring says.
    assert least <= np.mean(held)


def test_seeds_are_paired():
    rng = np.random.default_rng(0)
    runs, shared = [], rng.normal(size=5) * 0.05
    for seed, move in enumerate(shared):
        for name, gap in (("a", 0.1), ("b", 0.3)):
            each = run(f"{name}{seed}", gap=gap)
            moved = each.test_loss + move + 0.001 * rng.normal()
            runs.append(curves.LossCurve(STEP, each.loss, 1e-3, test_loss=moved, name=each.name))
    groups = {name: [f"{name}{seed}" for seed in range(5)] for name in "ab"}
    found = curves.match(runs, [1.5], groups=groups)
    assert found.matched["b"].runs == ("b0", "b1", "b2", "b3", "b4")
    assert found.matched["b"].effects.tolist() == ["hurts"]
    assert found.matched["b"].over_seeds
    # a t interval by hand: test losses at one train loss, which is the same in all runs
    difference = np.array(
        [b.test_loss - a.test_loss for a, b in zip(runs[::2], runs[1::2], strict=True)]
    )
    by_hand = difference[:, STEP == 1600].ravel()  # the train loss is 1.5 there
    np.testing.assert_allclose(found.matched["b"].difference[0], by_hand.mean(), rtol=1e-3)
    half = 2.1318468 * by_hand.std(ddof=1) / np.sqrt(5)  # t of 4 degrees of freedom at 0.95
    np.testing.assert_allclose(found.matched["b"].high[0], by_hand.mean() + half, rtol=1e-3)
    width = found.matched["b"].high[0] - found.matched["b"].low[0]
    assert 0.0005 < width < 0.006
    unpaired = curves.match(runs, [1.5], groups={"a": groups["a"], "b": groups["b"][:4]})
    assert unpaired.matched["b"].high[0] - unpaired.matched["b"].low[0] > 10 * width


def test_equal_runs_do_not_differ():
    found = curves.match([run("a", noise=0.01), run("b", noise=0.01)])
    np.testing.assert_array_equal(found.matched["b"].difference, 0)
    np.testing.assert_array_equal(found.matched["b"].high, 0)
    assert found.verdicts[0].startswith("At equal train loss, b makes no difference at all 12")
    assert "both runs are the same until step 5000)" in found.verdicts[0]


def test_a_branch_does_not_differ_until_it_starts():
    flat, wsd = schedule("flat"), schedule("wsd")  # of one seed
    test = np.where(STEP <= 4000, flat.test_loss, wsd.test_loss)
    branch = curves.LossCurve(STEP, wsd.loss, wsd.rates, test_loss=test, name="branch")
    found = curves.match([branch, flat], [1.6, 1.4, 1.25])
    assert found.reference == "flat"
    assert found.matched["branch"].shared == 4000
    assert found.matched["branch"].effects[:2].tolist() == ["no difference"] * 2
    assert found.matched["branch"].difference[:2].tolist() == [0.0, 0.0]
    assert found.notes[0] == "The reference is flat, the first whose rate is constant."


def test_levels_that_a_run_does_not_reach_are_left_out():
    runs = [run("a"), run("b", scale=30, gap=0.3), run("c", scale=22)]
    found = curves.match(runs, [1.5, 1.35, 1.2])
    assert found.matched["b"].effects.tolist() == ["hurts", "not reached", "not reached"]
    assert (found.matched["c"].effects == "not reached").tolist() == [False, False, True]
    assert np.isnan(found.matched["b"].difference).tolist() == [False, True, True]
    assert found.verdicts[0].endswith(
        "; 2 of 3 levels not reached by both (train loss 1.350 to 1.200)."
    )
    low = curves.match(runs, [1.35, 1.3])
    assert low.verdicts[0] == "No level is reached by both b and a."
    # the row before the first would have been above the level
    late = curves.LossCurve(
        STEP[60:], runs[0].loss[60:], 1e-3, test_loss=runs[0].test_loss[60:], name="late"
    )
    assert np.isnan(curves.match([run("a"), late], [1.5, 1.3]).matched["late"].step[0])


def test_a_noisy_level_is_passed_at_the_first_time():
    wave = 1.5 - 0.3 * STEP / 5000 + 0.1 * np.sin(2 * np.pi * STEP / 2000)
    wavy = curves.LossCurve(STEP, wave, 1e-3, test_loss=wave + 0.2, name="wavy")
    found = curves.match([run("a"), wavy], [1.38], smoothing=0.03)
    first = STEP[np.argmax(wave <= 1.38)]
    assert (np.diff(np.sign(wave - 1.38)) != 0).sum() > 1  # it is passed several times
    assert abs(found.matched["wavy"].step[0] - first) <= 50


def test_means_over_steps_are_put_into_their_middle():
    fine = np.arange(1, 5001)
    train = 3 - fine / 2500
    means = train.reshape(-1, 50).mean(axis=1)  # of the 50 steps until each row
    runs = [
        curves.LossCurve(STEP, means - drop, 1e-3, test_loss=train[STEP - 1] + 0.1, name=name)
        for name, drop in (("a", 0.0), ("b", 1e-9))
    ]
    biased = curves.match(runs, [2.0], reference="a").matched["a"].test_loss[0]
    corrected = curves.match(runs, [2.0], reference="a", averaged=50).matched["a"].test_loss[0]
    assert corrected == pytest.approx(2.1, abs=5e-4)
    assert biased == pytest.approx(2.1 - 25 / 2500, abs=5e-4)


def test_few_test_losses_have_no_interval():
    found = []
    for name, gap in (("a", 0.1), ("b", 0.3)):
        each = run(name, gap=gap)
        test = np.where(STEP % 1000 == 0, each.test_loss, np.nan)
        found.append(curves.LossCurve(STEP, each.loss, 1e-3, test_loss=test, name=name))
    matched = curves.match(found, [1.5])
    np.testing.assert_allclose(matched.matched["b"].difference, 0.1, atol=0.01)
    assert np.isnan(matched.matched["b"].low[0])
    assert "no interval, as there are too few rows with a test loss" in matched.verdicts[0]
    assert any("it is interpolated between them" in note for note in matched.notes)
    assert matched.rows()[1]["low"] is None
    with pytest.raises(ValueError, match=r"levels must be within what 'a' and another run reach"):
        curves.match(found, [1.7])  # before the first row with a test loss


def test_levels_lie_where_all_runs_overlap():
    found = curves.match([run("a"), run("b", scale=30)], 4)
    late = 1 + 30 / np.sqrt(5000)
    assert found.levels[-1] == pytest.approx(late, rel=1e-3)
    assert found.levels.size == 4
    assert (np.diff(found.levels) < 0).all()
    assert np.isfinite(found.matched["a"].step).all()


def test_the_lowest_level_is_not_low_by_chance():
    # both runs have one curve; at the lowest of its noisy losses, the reference would seem worse
    seem_better = []
    for seed in range(30):
        runs = [run(name, noise=0.02, seed=2 * seed + i) for i, name in enumerate("ab")]
        found = curves.match(runs, 3)
        lowest = found.matched["a"].curves[0].train.loss.min()
        assert found.levels[-1] > lowest + 0.005
        seem_better.append(found.matched["b"].effects[-1] == "helps")
    assert np.mean(seem_better) <= 0.17  # 0.05, and three standard errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"runs": [run("a")]}, "a comparison needs at least two runs; got 1"),
        ({"levels": 0}, "the number of levels must be at least 1; got 0"),
        (
            {"levels": [1.0]},
            r"levels must be within what 'a' and another run reach, 1\.2.* to .*; got 1.000",
        ),
        ({"smoothing": 5}, r"smoothing is half a window in e-folds of steps, from 0\.01 to 2"),
        ({"averaged": -1}, "averaged must be at least 0; got -1"),
        ({"reference": "c"}, "reference must name a run or group; 'c' is neither"),
        ({"confidence": 90}, r"confidence must be between 0 and 1, such as 0\.9; got 90"),
        ({"groups": {"g": ["a", "b"]}}, "all runs are in one group"),
        ({"groups": {"g": ["a", "aa"]}}, "group 'g' names the run 'aa', which does not exist"),
        ({"groups": {"g": ["a"], "h": ["a"]}}, "the run 'a' is in the groups more than once"),
        ({"groups": {"g": []}}, "group 'g' has no run"),
        ({"groups": {"b": ["a"]}}, "a run and a group have the name 'b'"),
        (
            {"runs": [run("a", scale=1), run("b", scale=60)]},
            r"the runs do not overlap: no run has a train loss in common with 'a' .*'b' goes from",
        ),
    ],
)
def test_bad_comparisons_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        curves.match(**{"runs": [run("a"), run("b")]} | settings)


def test_runs_need_test_losses():
    short = curves.LossCurve([1, 2], [3, 2], 1e-3, test_loss=[3, 2], name="short")
    with pytest.raises(ValueError, match="the run 'short' has 2 rows with a train loss; matching"):
        curves.match([run("a"), short])
    apart = curves.LossCurve(
        STEP, run("a").loss, 1e-3, test_loss=[*[np.nan] * 99, 1.3], name="apart"
    )
    with pytest.raises(ValueError, match="the run 'apart' has 1 rows with a test loss; matching"):
        curves.match([run("a"), apart])
    with pytest.warns(UserWarning, match="flat"):
        flat = curves.LossCurve(STEP, 0 * STEP + 1.5, 1e-3, test_loss=STEP, name="flat")
    with pytest.raises(ValueError, match="the runs do not overlap"):
        curves.match([run("a"), flat])
    bare = curves.LossCurve(STEP, 1 + 20 / STEP, 1e-3, name="bare")
    with pytest.raises(ValueError, match="the run 'bare' has no test loss"):
        curves.match([run("a"), bare])
    with pytest.raises(
        TypeError, match=r"runs must be LossCurves, as curves\.read returns them; got 3"
    ):
        curves.match([run("a"), 3])


def test_match_prints_and_draws_its_levels():
    found = curves.match([run("a"), run("b", gap=0.3)], 3)
    assert repr(found).startswith("Match(2 runs at 3 train losses from ")
    assert repr(found.matched["b"]) == "MatchedRuns(b: reaches 3 of 3 levels)"
    head, *rows = str(found).splitlines()
    assert head.split("  ") == [
        "train loss",
        "a (test loss)",
        head.split("  ")[2],
        *head.split("  ")[3:],
    ]
    assert [line.split()[0] for line in rows[:3]] == [f"{level:.4f}" for level in found.levels]
    assert rows[-1] == found.verdicts[0]
    above, below = found.plot().axes
    assert below.get_xlabel() == "train loss (falling, from left to right)"
    assert below.get_xlim()[0] > below.get_xlim()[1]
    assert above.get_ylabel() == "test loss"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"] == found.rows()


def test_rounding_errors_are_no_difference():
    runs = []
    for name, seed in (("a", 1), ("b", 2)):
        noise = 0.01 * np.random.default_rng(seed).normal(size=STEP.size)
        runs.append(
            curves.LossCurve(STEP, 1 + 20 / STEP + noise, 1e-3, test_loss=0 * STEP + 3.0, name=name)
        )
    found = curves.match(runs, 12)
    assert set(found.matched["b"].effects) == {"cannot tell"}
    assert (found.matched["b"].difference == 0).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"levels": 10**8}, ValueError, "at most 1000 levels are compared; got 100000000"),
        ({"levels": [np.nan]}, ValueError, "levels must be 1 to 1000 finite losses; got"),
        ({"levels": []}, ValueError, "levels must be 1 to 1000 finite losses; got"),
        ({"averaged": 10**6}, ValueError, "averaged is 1000000, but the run 'a' has"),
        ({"groups": ["a"]}, TypeError, "groups must map names to lists of runs"),
        ({"runs": None}, TypeError, r"runs must be LossCurves, as .* returns them; got None"),
    ],
)
def test_absurd_comparisons_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        curves.match(**{"runs": [run("a"), run("b")]} | settings)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_losses_whose_squares_overflow_are_refused(unit):
    runs = [
        curves.LossCurve(STEP, unit * each.loss, 1e-3, test_loss=unit * each.test_loss, name="far")
        for each in (run("a"), run("b"))
    ]
    with pytest.raises(ValueError, match=r"the run 'far \(1\)' has train losses of .*another unit"):
        curves.match(runs)


def test_means_reach_back_to_the_start_at_most():
    long = curves.match([run("a"), run("b")], 3, averaged=int(STEP[-1]) - 1)
    assert np.isfinite(long.matched["b"].difference).all()
    first = long.matched["a"].curves[0].train.step[0]
    assert first == pytest.approx(STEP[0] / 2)  # the middle of the steps before the first row
