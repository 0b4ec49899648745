import numpy as np

from isoloss.curves.blocks import Blocks


def test_blocks_keep_the_sum_of_rates_at_every_row():
    rates, steps = np.random.default_rng(0).uniform(size=1000), np.array([7, 50, 51, 800])
    blocks = Blocks.of(rates, steps, 2.0)
    passed = np.cumsum(blocks.rate * blocks.length)[blocks.row]
    np.testing.assert_allclose(passed, np.cumsum(rates)[steps - 1] / 2000, rtol=1e-12)


def test_no_block_spans_a_jump():
    rates = np.where(np.arange(1000) < 437, 1.0, 0.3)
    blocks = Blocks.of(rates, np.array([100, 1000]), 1.0)
    assert set(np.unique(blocks.rate.round(12))) == {0.3, 1.0}


def test_rates_that_jump_everywhere_are_averaged():
    rates = np.tile([1.0, 0.0], 50_000)
    blocks = Blocks.of(rates, np.array([50_000, 100_000]), 1.0)
    assert blocks.rate.size < 300
