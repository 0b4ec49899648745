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
    assert [found.verdict("b", 1), found.verdict("a", 1)] == ["higher", "reference"]
    (sentence,) = found.sentences()
    assert sentence.startswith(
        "At the train loss 1.500, 'b' generalizes worse than 'a': its test loss is 0.100 higher"
    )


def test_another_reference_turns_the_difference_round():
    runs = [run("a"), run("b", scale=30, gap=0.3)]
    forth = curves.match(runs, 3).matched["b"].difference
    back = curves.match(runs, 3, reference="b").matched["a"].difference
    np.testing.assert_allclose(forth, -back)


def test_intervals_of_single_runs_hold_as_often_as_they_say():
    held = 0
    for seed in range(100):
        runs = [
            run("a", noise=0.02, seed=2 * seed),
            run("b", scale=30, gap=0.3, noise=0.02, seed=2 * seed + 1),
        ]
        found = curves.match(runs, [1.5]).matched["b"]
        held += found.low[0] < 0.1 < found.high[0]
    assert 81 <= held <= 98  # 90 ± 3 standard errors


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
    assert found.verdict("b", 0) == "higher"
    width = found.matched["b"].high[0] - found.matched["b"].low[0]
    assert 0.0005 < width < 0.006
    unpaired = curves.match(runs, [1.5], groups={"a": groups["a"], "b": groups["b"][:4]})
    assert unpaired.matched["b"].high[0] - unpaired.matched["b"].low[0] > 10 * width


def test_equal_runs_do_not_differ():
    found = curves.match([run("a"), run("b")])
    np.testing.assert_array_equal(found.matched["b"].difference, 0)
    assert "do not tell whether 'b' or 'a' generalizes better" in found.sentences()[0]


def test_levels_lie_where_all_runs_overlap():
    found = curves.match([run("a"), run("b", scale=30)], 4)
    late = 1 + 30 / np.sqrt(5000)
    assert found.levels[-1] == pytest.approx(late, rel=1e-3)
    assert found.levels.size == 4
    assert (np.diff(found.levels) < 0).all()
    assert np.isfinite(found.matched["a"].step).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"runs": [run("a")]}, "a comparison needs at least two runs; got 1"),
        ({"levels": 0}, "levels is a number of levels of at least 1; got 0"),
        ({"levels": [1.0]}, r"levels must be within what all runs reach, 1\.2.* to .*; got 1.000"),
        ({"reference": "c"}, "reference names a run or group; 'c' is none"),
        ({"confidence": 90}, r"confidence must be between 0 and 1, such as 0\.9; got 90"),
        ({"groups": {"g": ["a", "b"]}}, "all runs are in one group"),
        ({"groups": {"g": ["a", "aa"]}}, "group 'g' names the run 'aa', which is not there"),
        ({"groups": {"g": ["a"], "h": ["a"]}}, "the run 'a' stands twice in the groups"),
        ({"groups": {"g": []}}, "group 'g' has no run"),
        ({"groups": {"b": ["a"]}}, "a run and a group have the name 'b'"),
        (
            {"runs": [run("a", scale=1), run("b", scale=60)]},
            "the runs do not overlap: 'b' ends at the train loss .* above which 'a' never was",
        ),
    ],
)
def test_bad_comparisons_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        curves.match(**{"runs": [run("a"), run("b")]} | settings)


def test_runs_need_test_losses():
    bare = curves.LossCurve(STEP, 1 + 20 / STEP, 1e-3, name="bare")
    with pytest.raises(ValueError, match="the run 'bare' has no test loss"):
        curves.match([run("a"), bare])
    with pytest.raises(TypeError, match=r"runs are LossCurves, which curves\.read returns; got 3"):
        curves.match([run("a"), 3])


def test_match_prints_and_draws_its_levels():
    found = curves.match([run("a"), run("b", gap=0.3)], 3)
    assert repr(found).startswith("Match(2 runs at 3 train losses from ")
    text = str(found)
    assert text.count("train loss") == 3
    assert "reference" in text
    above, below = found.plot().axes
    assert below.get_xlabel() == "train loss"
    assert below.get_xlim()[0] > below.get_xlim()[1]
    assert above.get_ylabel() == "test loss"
