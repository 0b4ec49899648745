"""Splits of one table against scikit-learn's splitters."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupShuffleSplit, TimeSeriesSplit

from isoloss.datasets import Table, load, split, split_repeatedly


def table(n: int = 30, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "y"])
    frame["site"] = pd.Series([f"s{i % 6}" for i in range(n)], dtype=object)
    frame["year"] = rng.permutation(n).astype(float)
    frame["day"] = pd.Series([f"2026-01-{1 + int(i)}" for i in frame["year"]], dtype=object)
    frame["day"] = frame["day"].str.replace(r"-(\d)$", r"-0\1", regex=True).astype(object)
    return Table("rows", frame)


PLAIN = {"target": "y", "ignore": ["site", "year", "day"]}


def test_the_first_split_is_that_of_split() -> None:
    found = split_repeatedly(table(), seed=3, **PLAIN)
    once = split(table(), seed=3, **PLAIN)
    np.testing.assert_array_equal(found[0].X, once.X)
    np.testing.assert_array_equal(found[0].y_test, once.y_test)
    assert found[0].notes == (
        *once.notes,
        "20 splits: 15 test rows each, chosen at random. The details are those of the first.",
    )
    assert (len(found), found.test_per_train) == (20, 1.0)
    assert len({part[1].tobytes() for part in found.parts}) == 20
    assert all(set(train).isdisjoint(test) for train, test in found.parts)
    other = split_repeatedly(table(), seed=4, **PLAIN)
    mine, theirs = ({part[1].tobytes() for part in each.parts} for each in (found, other))
    assert not mine & theirs
    assert len(found[2:4]) == 2
    assert repr(found) == "Splits('rows', 20 splits)"
    one = split_repeatedly(table(), repeats=1, test_size=0.2, **PLAIN)
    assert one.test_per_train == 0.25
    assert one[0].notes[1] == "24 train rows; 6 test rows, chosen at random with seed 0."


def test_groups_are_those_of_scikit_learn() -> None:
    data = table()
    found = split_repeatedly(
        data, groups="site", repeats=4, test_size=0.3, target="y", ignore=["year", "day"], seed=5
    )
    sites = data.frame["site"]
    splitter = GroupShuffleSplit(4, test_size=0.3, random_state=5)
    for mine, theirs in zip(found.parts, splitter.split(sites, groups=sites), strict=True):
        assert [part.tolist() for part in mine] == [part.tolist() for part in theirs]
    assert found[0].features == ("a", "b")
    assert "rows with the same 'site' stay together" in found[0].notes[-1]
    assert "0.3 of the groups of 'site', chosen at random with seed 5" in found[0].notes[1]


@pytest.mark.parametrize("column", ["year", "day"])
def test_rows_in_time_order_are_split_as_scikit_learn_does(column: str) -> None:
    data = table()
    ignore = ["site", *({"year", "day"} - {column})]
    found = split_repeatedly(data, time=column, repeats=3, target="y", ignore=ignore)
    order = np.argsort(data.frame["year"].to_numpy())
    folds = list(TimeSeriesSplit(3).split(order))[::-1]
    for (train, test), (first, later) in zip(found.parts, folds, strict=True):
        np.testing.assert_array_equal(train, order[first])
        np.testing.assert_array_equal(test, order[later])
    times = data.frame["year"].to_numpy()
    assert all(times[train].max() < times[test].min() for train, test in found.parts)
    assert "follow its train rows" in found[0].notes[-1]


def test_rows_as_they_are_and_rows_left_out() -> None:
    data = table()
    frame = data.frame.copy()
    frame.loc[[0, 7], "a"] = np.nan
    gaps = Table("gaps", frame)
    found = split_repeatedly(gaps, in_order=True, drop_rows=True, **PLAIN)
    assert len(found) == 5
    train, test = found.parts[-1]
    np.testing.assert_array_equal(np.r_[train, test], np.arange(len(train) + len(test)))
    kept = np.delete(np.arange(30), [0, 7])
    timed = split_repeatedly(
        gaps, time="year", drop_rows=True, target="y", ignore=["site", "day"], repeats=2
    )
    years = frame["year"].to_numpy()[kept]
    assert all(years[a].max() < years[b].min() for a, b in timed.parts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"groups": "site", "in_order": True},
            "split in one way, but groups and in_order were given",
        ),
        ({"time": "year", "test_size": 0.2}, "give no test size"),
        ({"repeats": 0}, "at least 1; got 0"),
        ({"repeats": 1_000_000}, "at most 10000; got 1000000. .* ask for 1000 or fewer"),
        ({"repeats": 1, "in_order": True}, "at least 2 in time order; got 1"),
        ({"repeats": 40, "in_order": True}, "need more than 40 rows"),
        ({"groups": "sitte"}, "has no column 'sitte' .did you mean 'site'"),
        ({"time": "site"}, "must hold numbers or dates such as 2026-11-28; it has 's0'"),
        ({"groups": "same"}, "column 'same' has one group"),
        ({"groups": "gap"}, "column 'gap' has missing values: give each row its group"),
        ({"time": "gap"}, "column 'gap' has missing values: give each row its time"),
        ({"groups": "site", "test_size": 1.5}, "between 0 and 1"),
        ({"test_size": 1.5}, "between 0 and 1"),
    ],
)
def test_mistakes(options: dict[str, object], message: str) -> None:
    data = table()
    frame = data.frame.assign(same=1.0, gap=np.where(np.arange(30) == 3, np.nan, 1.0))
    own = {options.get("groups"), options.get("time")}
    ignore = [each for each in ("site", "year", "day", "same", "gap") if each not in own]
    with pytest.raises(ValueError, match=message):
        split_repeatedly(Table("rows", frame), target="y", ignore=ignore, **options)  # type: ignore[arg-type]  # options differ in type


def test_splits_that_few_groups_repeat_are_counted_once() -> None:
    # of three groups, two are tested on
    data = table()
    frame = data.frame.assign(site=[f"s{i % 3}" for i in range(len(data.frame))])
    found = split_repeatedly(
        Table("rows", frame), target="y", ignore=["year", "day"], groups="site", repeats=20
    )
    sites = [tuple(sorted(set(frame["site"].to_numpy()[test]))) for _, test in found.parts]
    assert sorted(sites) == [("s0", "s1"), ("s0", "s2"), ("s1", "s2")]
    assert found.note.startswith("3 splits (17 repeated others): rows with the same 'site' stay")


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2020-01-01", periods=30),
        pd.date_range("2020-03-28", periods=30, freq="h", tz="Europe/Berlin"),
        pd.date_range("2020-01-01", periods=30).date,
        pd.Categorical(pd.date_range("2020-01-01", periods=30).astype(str)),
        pd.array(range(30), dtype="Int64"),
    ],
    ids=["dates and times", "time zone", "dates", "categories", "whole numbers"],
)
def test_times_of_parquet_files(tmp_path: Path, times: Any) -> None:
    order = np.random.default_rng(0).permutation(30)
    frame = table().frame[["y"]].assign(a=np.sin(np.arange(30.0)), when=times)
    frame.iloc[order].to_parquet(tmp_path / "rows.parquet", index=False)
    found = split_repeatedly(load(tmp_path / "rows.parquet"), time="when", target="y", repeats=3)
    assert found[0].X.shape[1] == 1
    assert all(order[train].max() < order[test].min() for train, test in found.parts)


def test_a_later_split_that_cannot_be_used_is_named() -> None:
    frame = pd.DataFrame({"a": np.arange(12.0), "y": np.where(np.arange(12) == 3, 1.0, 0.0)})
    found = split_repeatedly(Table("rare", frame), task="regression", test_size=0.5)
    used = [3 in train for train, _ in found.parts]
    first = next(i for i in range(1, 20) if not used[i])
    with pytest.raises(ValueError, match=f"split {first + 1} of 20: the target 'y' is constant"):
        found[first]


def test_classes_of_the_shipped_data_sets() -> None:
    found = split_repeatedly(load("iris"), repeats=2)
    assert found[1].classes
    assert found[1].targets == ("setosa", "versicolor", "virginica")
