import numpy as np
import pytest

from isoloss import curves


def test_runs_of_bytes_are_as_their_script_plans_them() -> None:
    runs = {run.name: run for run in curves.load("bytes")}
    assert len(runs) == 16
    for name, run in runs.items():
        steps = 3000 if "_3k_" in name else 12_000
        peak = float(name.split("_")[2])
        np.testing.assert_array_equal(run.step, np.arange(50, steps + 1, 50))
        assert run.rates.max() == pytest.approx(peak, rel=0.01)  # a cosine has fallen by row 2
        assert run.rates[49] == pytest.approx(peak / 2, rel=0.01)  # half-way through the warm-up
        assert run.weight_decay == 0.1
        assert run.rows("test_loss")[0].size >= run.step.size - 1
    constant, cooled = runs["const_12k_2e-3"], runs["wsd20_12k_2e-3"]
    same = constant.step <= 9600  # one seed and peak: the runs part where the cool-down begins
    np.testing.assert_array_equal(constant.loss[same], cooled.loss[same])
    assert cooled.rows("test_loss")[1][-1] < constant.rows("test_loss")[1][-1] - 0.1


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'bites' \(did you mean 'bytes'\?\)"):
        curves.load("bites")
