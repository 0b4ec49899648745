import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.final_loss import FinalLoss
from isoloss.curves.law_parameters import LawParameters, log_loss

LAW = LawParameters(2.7, 0.98, 0.52, 0.26, 0.2, 0.11, 270.0, 1.4)
STILL = LawParameters(2.7, 0.98, 0.52, 0.26, 0.2, 0.0, 270.0, 1.0)
DECAY = 2000 * 3e-4 * 0.1


@pytest.mark.parametrize("law", [LAW, STILL])
@pytest.mark.parametrize("decay", [0.0, 1e-7, DECAY, 3.0])
def test_gradient_equals_differences(law, decay):
    rng = np.random.default_rng(0)
    length, rate = rng.uniform(0.05, 2, 12), rng.uniform(0.1, 1.2, 12)
    rate[7] = 0
    final = FinalLoss(law, length, decay)
    _, gradient = final.value_and_gradient(rate)
    for block in range(12):
        moved = np.zeros(12)
        moved[block] = 1e-5
        up, _ = final.value_and_gradient(rate + moved)
        down, _ = final.value_and_gradient(rate - moved)
        assert gradient[block] == pytest.approx((up - down) / 2e-5, rel=2e-6, abs=1e-9)


def test_loss_equals_that_of_the_law():
    steps = 20_000
    rates = 3e-4 * np.where(np.arange(steps) < 16_000, 1, (steps - np.arange(steps)) / 4000)
    runs = FilteredRuns([(rates, np.arange(100, steps + 1, 100))], 3e-4, np.array([0.1]))
    length, rate = runs.blocks[0].length, runs.blocks[0].rate
    loss, _ = FinalLoss(LAW, length, DECAY).value_and_gradient(rate)
    assert np.log(loss) == pytest.approx(log_loss(LAW, runs)[-1], abs=2e-6)


@given(st.integers(2, 30), st.floats(0.1, 3))
def test_splitting_blocks_of_a_constant_norm_changes_nothing(blocks, rate):
    whole, _ = FinalLoss(STILL, np.array([3.0]), 0.0).value_and_gradient(np.array([rate]))
    parts = FinalLoss(STILL, np.full(blocks, 3.0 / blocks), 0.0)
    assert parts.value_and_gradient(np.full(blocks, rate))[0] == pytest.approx(whole, rel=1e-12)
