"""Splits are counted once, whatever the order of their rows."""

import numpy as np

from isoloss._arrays.splits import distinct


def test_the_first_of_equal_splits_is_kept() -> None:
    splits = [
        (np.array(train), np.array(test))
        for train, test in [([0, 1], [2]), ([0, 2], [1]), ([1, 0], [2]), ([0, 1, 1], [2])]
    ]
    kept = [(train.tolist(), test.tolist()) for train, test in distinct(splits)]
    assert kept == [([0, 1], [2]), ([0, 2], [1]), ([0, 1, 1], [2])]
