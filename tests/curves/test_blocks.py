import numpy as np

from isoloss.curves.blocks import Blocks


def test_blocks_keep_the_sum_of_rates_at_every_row():
    rng = np.random.default_rng(0)
    runs = [
        (rng.uniform(size=1000), np.array([7, 50, 51, 800])),
        (np.linspace(1, 0, 300), np.array([100, 300])),
    ]
    blocks = Blocks.of(runs, 2.0)
    passed = np.cumsum(blocks.rate * blocks.length, axis=1)[blocks.run, blocks.block]
    expected = [np.cumsum(rates)[steps - 1] / 2 / 1000 for rates, steps in runs]
    np.testing.assert_allclose(passed, np.concatenate(expected), rtol=1e-12)


def test_no_block_spans_a_jump():
    rates = np.where(np.arange(1000) < 437, 1.0, 0.3)
    blocks = Blocks.of([(rates, np.array([100, 1000]))], 1.0)
    assert set(np.unique(blocks.rate.round(12))) == {0.3, 1.0}


def test_rates_that_jump_everywhere_are_averaged():
    rates = np.tile([1.0, 0.0], 50_000)
    blocks = Blocks.of([(rates, np.array([50_000, 100_000]))], 1.0)
    assert blocks.rate.size < 300
