"""Verdicts on simulated data with a known population effect: rarely false, given where clear."""

import numpy as np
import pytest

from isoloss.comparison import NO_DIFFERENCE, resampled_intervals
from isoloss.comparison.judging import Asked, judged_over_rows, judged_over_splits
from isoloss.comparison.level_losses import SplitLosses

ASKED = Asked.read({"a": "gd(0.5, 9)", "b": "gd(0.7, 9)"}, 2)
REPORTS, ROWS, SPLITS = 300, 40, 10


def split(losses: np.ndarray) -> SplitLosses:
    """Return a split from the test losses (3, 2) of two schedules and of flow."""
    levels = np.array([2.0, 1.0])
    return SplitLosses(levels, np.zeros(2, dtype=bool), losses, start_test_loss=5.0)


def said(effect: float, spread: float, seed: int) -> tuple[str, ...]:
    """Return the four verdicts on a data set whose rows have a loss 1 under flow.

    Under the schedules it is 1 + effect on average over all rows that might be drawn.
    """
    rng = np.random.default_rng(seed)
    rows = 1 + effect + spread * (rng.normal(size=(ROWS, 1)) + rng.normal(size=(ROWS, 4))) / 2**0.5
    splits = []
    for _ in range(SPLITS):
        ours = rng.permutation(rows)[: ROWS // 2].mean(axis=0).reshape(2, 2)
        splits.append(split(np.concatenate([ours, np.ones((1, 2))])))
    judged = judged_over_splits(splits, ASKED, 1.0).schedules
    return judged[0].effects + judged[1].effects


@pytest.mark.parametrize("edge", [-NO_DIFFERENCE, NO_DIFFERENCE])
@pytest.mark.parametrize("spread", [0.02, 0.5])
def test_at_most_one_report_in_twenty_has_a_false_verdict(edge: float, spread: float) -> None:
    # at the edge every verdict is false
    found = [said(edge, spread, seed) for seed in range(REPORTS)]
    false = sum(set(each) != {"cannot tell"} for each in found)
    assert false / REPORTS <= 0.05 + 2 * (0.05 * 0.95 / REPORTS) ** 0.5
    assert set(said(4.0 * spread, spread, 0)) == {"hurts"}
    if spread < 0.1:
        assert set(said(-0.1, spread, 0)) == {"helps"}
        assert set(said(0.0, spread / 20, 0)) == {"no difference"}


def test_given_rows_have_as_few_false_verdicts() -> None:
    false = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = np.abs(1 + NO_DIFFERENCE + 0.1 * rng.normal(size=(2, 2, 50)))
        losses = np.concatenate([rows, np.ones((1, 2, 50))])
        report = judged_over_rows(split(losses.mean(axis=-1)), ASKED, losses, seed)
        false += any(set(each.effects) != {"cannot tell"} for each in report.schedules)
    assert false / 100 <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5


def test_no_interval_says_that_a_loss_falls_by_more_than_all_of_it() -> None:
    theirs, ours = np.array([[[1.0], [4.0]], [[2.0], [0.5]], [[0.9], [1.0]]]), np.ones((3, 1, 1))
    splits = [
        split(np.concatenate([each, each, one]).repeat(2, axis=1)[[0, 1, -1]])
        for each, one in zip(theirs, ours, strict=True)
    ]
    report = judged_over_splits(splits, ASKED, 1.0)
    first = report.schedules[0]
    shares = theirs[:, 0, 0] - 1.0
    whole = resampled_intervals(shares, 1.0, comparisons=4)
    assert whole.low < -1  # as computed
    np.testing.assert_array_equal(first.low, [-1.0, -1.0])
    np.testing.assert_allclose(first.high, whole.high, rtol=1e-12)
    assert set(first.effects) == {"cannot tell"}
    cell = f"{100 * shares.mean():+.1f}% (-100% to +{100 * whole.high:.1f}%) ?"
    assert report.grid()[1][0][1] == cell
    assert f"intervals from -100.0% to +{100 * whole.high:.1f}%" in report.verdicts[0]


def test_what_is_asked() -> None:
    asked = Asked.read(["flow", "gd(1, 5)", lambda steps: f"gd(0.5, {steps})"], [1.0, 3.0])
    assert asked.levels.values.tolist() == [3.0, 1.0]
    assert (asked.reference, asked.references, asked.comparisons) == (None, [True, False, False], 4)
    other = Asked.read(["flow", "gd(1, 5)"], 3, against="gd(1,5)")
    assert (other.reference, other.references) == ("gd(1.0, 5)", [False, True])
    same = Asked.read(["flow", "gd(1, 5)"], 3, against="flow")
    assert (same.reference, same.references) == (None, [True, False])
    with pytest.raises(ValueError, match="at least 2 splits; got 0"):
        judged_over_splits([], ASKED, 1.0)
