"""The marked levels of many problems as rows, against plain loops."""

import numpy as np

from isoloss.dynamics.filters import Filter
from isoloss.dynamics.level_rows import LevelRows


def test_rows_are_those_of_a_loop_and_go_back_to_their_places() -> None:
    rng = np.random.default_rng(0)
    for problems, levels in ((3, 4), (2, 1), (1, 5)):
        mask = rng.uniform(size=(problems, levels)) < 0.5
        mask[0, 0] = True
        rows = LevelRows(np, mask)
        places = [(b, k) for b in range(problems) for k in range(levels) if mask[b, k]]
        of_problems, of_levels = rng.normal(size=(problems, 1, 2)), rng.normal(size=mask.shape)
        assert np.array_equal(rows.of(of_problems), [of_problems[b, 0] for b, _ in places])
        assert np.array_equal(rows.of(of_levels), [of_levels[place] for place in places])
        some = rows.filters(Filter(of_problems, of_levels[..., None]))
        values, filters = rows.given(rows.of(of_levels), some)
        assert values.shape == mask.shape
        assert filters.low is None
        for b in range(problems):
            for k in range(levels):
                assert values[b, k] == (of_levels[b, k] if mask[b, k] else np.inf)
                if mask[b, k]:
                    assert np.array_equal(filters.sign[b, k], of_problems[b, 0])
                    assert filters.log[b, k] == of_levels[b, k]
