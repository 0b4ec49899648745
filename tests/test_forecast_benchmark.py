"""The benchmark of forecasts: its splits, the priors of other data, and its tables."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isoloss import curves

SHORT = ("const", "cosine", "wsd20"), ("1e-3", "4e-3")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module


def folder_of_runs(folder: Path, names: list[str]) -> Path:
    """Write runs as docs/examples/train_curves.py does: constant rates after a warm-up."""
    for name in names:
        steps = 3000 if "_3k_" in name else 12_000
        step = np.arange(50, steps + 1, 50)
        lr = 1e-3 * np.minimum(1, step / 100)
        rows = np.column_stack([step, lr, 9 / step**0.5, 2 + 9 / step**0.5])
        header = "step,lr,loss,test_loss"
        np.savetxt(folder / f"{name}.csv", rows, "%.12g", ",", header=header, comments="")
    return folder


def names() -> list[str]:
    short = [f"{each}_3k_2e-3" for each in SHORT[0]] + [f"wsd20_3k_{each}" for each in SHORT[1]]
    long = ["const", "cosine", "wsd10", "wsd20", "wsd50"]
    found = [f"{each}_12k_2e-3" for each in long]
    found += [f"{each}_12k_{peak}" for each in ("cosine", "wsd20") for peak in SHORT[1]]
    return [*short, *found, "const_12k_4e-3", "wsd20_12k_2e-3_seed1"]


def test_the_blind_test_has_the_two_splits_of_its_protocol(room: Any, tmp_path: Path) -> None:
    first, second = room("forecast_splits").bytes_splits(folder_of_runs(tmp_path, names()))
    assert [len(first.fitted), len(first.tested)] == [5, 11]
    assert {curve.name for curve in second.fitted} == {"const_12k_2e-3", "wsd20_12k_2e-3"}
    assert len(second.tested) == 14
    assert [first.first, second.first] == [375, 1500]  # an eighth of the shortest fitted run
    curve = first.tested[0]
    np.testing.assert_allclose(curve.loss, 2 + 9 / curve.step**0.5, rtol=1e-9)  # the test loss
    np.testing.assert_allclose(curve.rates[[0, 49, 99, 5000]], [1e-5, 5e-4, 1e-3, 1e-3])
    assert curve.rates.size == 12_000


def test_an_unfinished_blind_test_is_refused(room: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has 15 finished runs, not 16"):
        room("forecast_splits").bytes_splits(folder_of_runs(tmp_path, names()[:-1]))


def test_a_folder_without_data_is_told_what_it_should_have(room: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none of the folders .* github.com/thu-yao"):
        room("forecast_splits").all_splits(tmp_path)


def test_foreign_priors_leave_out_what_comes_from_the_same_source(room: Any) -> None:
    found = room("forecast").foreign_priors(("25M", "100M", "400M"))
    evidence = curves.PRIORS["cutoff"].evidence
    middle = np.sqrt(evidence["124M"] * evidence["0.3M"])
    assert found["cutoff"].median == pytest.approx(middle)
    assert {name: each.spread for name, each in found.items()} == {
        name: each.spread for name, each in curves.PRIORS.items()
    }


def test_tables_count_what_lies_inside_and_mark_what_is_lost(room: Any) -> None:
    forecast, splits, tables = map(room, ("forecast", "forecast_splits", "forecast_tables"))
    rows = np.array([10, 20])
    runs = tuple(
        splits.Curve(name, rows, np.array([3.0, 2.0]), np.full(20, 1e-3)) for name in "abcd"
    )
    # finals are 2.0: inside three times, below its interval once
    ends = np.array([[2.1, 1.9, 2.2], [1.9, 1.8, 2.1], [2.0, 2.0, 2.0], [2.3, 2.2, 2.4]])
    ours = forecast.Forecasts(1.0, np.array([1.0, 2.0, 3.0, 4.0]), ends)
    other = forecast.Forecasts(0.5, np.array([2.0, 1.5, 3.0, 9.0]), ends + 0.1)
    results = [(splits.Split("25M", "s", runs[:1], runs), {"ours": ours, "MPL": other})]
    covered = tables.coverage_table(results).splitlines()[2]
    # 3 of 4: the bounds solve P(X ≥ 3) = P(X ≤ 3) = 0.025, widths 15, 15, 0 and 10 %
    assert "| 3 of 4 | 75.0 % | 19 to 99 % | 12.50 % |  | 125.00 | 175.00 |" in covered
    (lost,) = tables.lost_table(results).splitlines()[2:]
    assert lost == "| 25M | s | b | 2.00 | 1.50 | Multi-Power |"
    assert tables.error_table(results).splitlines()[2].endswith("| 1 of 4 |")
    shown = tables.curve_table(results).splitlines()[2:]
    assert ["1.50 *" in line for line in shown] == [False, True, False, False]
    assert [line.endswith("2.4000 * |") for line in shown] == [False, False, False, True]
