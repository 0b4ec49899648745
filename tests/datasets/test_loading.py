"""Reading data sets and files, and making standardised train and test arrays of them."""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn import datasets as shipped
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from isoloss.datasets import SHIPPED, Table, labelled, load, split, split_three


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def table_of(name: str, columns: Mapping[str, np.ndarray]) -> Table:
    # object stays object, as files are read
    series = {key: pd.Series(value, dtype=value.dtype) for key, value in columns.items()}
    return Table(name, pd.DataFrame(series))


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    rows = [f"{i},{i % 3},{7},{2 * i + i % 2}.5" for i in range(10)]
    return write(tmp_path / "houses.csv", "\n".join(["area,rooms,sides,price", *rows]))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_set_is_scikit_learns(name: str) -> None:
    table = load(name)
    bunch = getattr(shipped, f"load_{name}")()
    features = [column for column in table.frame if column not in table.targets]
    assert features == [str(column) for column in bunch.feature_names]
    np.testing.assert_array_equal(np.stack([table.frame[f] for f in features], 1), bunch.data)
    target = np.stack([table.frame[t] for t in table.targets], 1)
    np.testing.assert_array_equal(target, np.reshape(bunch.target, target.shape))
    found = split(table)
    assert found.classes == (name not in ("diabetes", "linnerud"))


def test_csv_text_numbers_and_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '\ufeffx;"long; name";ok;y\n1;2e3;True;a\n\n-.5; 3 ;false;b\n')
    columns = load(path).frame
    assert list(columns) == ["x", "long; name", "ok", "y"]
    np.testing.assert_array_equal(columns["x"], [1, -0.5])
    np.testing.assert_array_equal(columns["long; name"], [2000, 3])
    np.testing.assert_array_equal(columns["ok"], [1, 0])
    assert columns["y"].tolist() == ["a", "b"]


def test_csv_without_column_names(tmp_path: Path) -> None:
    columns = load(write(tmp_path / "a.csv", "1,2\n3,4\n5,6\n")).frame
    assert list(columns) == ["column1", "column2"]
    np.testing.assert_array_equal(columns["column1"], [1, 3, 5])


def test_parquet_has_the_numbers_of_csv(tmp_path: Path, houses: Path) -> None:
    columns = dict(load(houses).frame)
    table = pa.table(
        {**columns, "rooms": pa.array(columns["rooms"].astype(int)), "kind": ["a", "b"] * 5}
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    found = load(tmp_path / "a.parquet").frame
    for name, column in columns.items():
        np.testing.assert_array_equal(found[name], column)
    assert found["kind"].dtype == object


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", "PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install .*\[parquet\]"):
        load(path)


def test_npz_with_its_own_test_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 2)), rng.standard_normal((9, 3))
    np.savez(tmp_path / "a.npz", X=X[:6], y=y[:6], X_test=X[6:], y_test=y[6:])
    found = split(load(tmp_path / "a.npz"))
    assert (found.X.shape, found.y_test.shape) == ((6, 2), (3, 3))
    np.testing.assert_allclose(found.y_test, y[6:] - y[:6].mean(axis=0), rtol=1e-12)
    drawn = split(load(tmp_path / "a.npz"), test_size=0.5)
    assert len(drawn.X) + len(drawn.X_test) == 6


def test_arrays_are_standardised_by_the_train_rows() -> None:
    bunch = shipped.load_diabetes()
    order = np.random.default_rng(3).permutation(442)
    test_rows, train_rows = np.sort(order[:110]), np.sort(order[110:])
    found = split(load("diabetes"), test_size=0.25, seed=3)
    scaler = StandardScaler().fit(bunch.data[train_rows])
    np.testing.assert_allclose(found.X, scaler.transform(bunch.data[train_rows]), rtol=1e-12)
    np.testing.assert_allclose(found.X_test, scaler.transform(bunch.data[test_rows]), rtol=1e-12)
    mean = bunch.target[train_rows].mean()
    np.testing.assert_allclose(found.y_test[:, 0], bunch.target[test_rows] - mean, rtol=1e-12)
    ours = np.linalg.lstsq(found.X, found.y[:, 0])[0]
    theirs = Ridge(alpha=1e-9).fit(found.X, bunch.target[train_rows])
    np.testing.assert_allclose(ours, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(found.offset, theirs.intercept_, rtol=1e-9)


def test_constant_features_are_left_out_and_named(houses: Path) -> None:
    found = split(load(houses))
    assert found.features == ("area", "rooms")
    assert any("'sides' left out" in note for note in found.notes)


def test_the_test_error_counts_wrong_classes() -> None:
    found = split(load("iris"))
    coef = np.linalg.lstsq(found.X, found.y)[0]
    scores = found.X_test @ coef + found.offset
    truth = np.argmax(found.y_test, axis=1)
    expected = np.mean(scores.argmax(axis=1) != truth)
    assert found.test_error(np.stack([coef, -coef]))[0] == expected
    with pytest.raises(ValueError, match="for classes"):
        split(load("diabetes")).test_error(coef)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["a", "b", "b"] * 4, "auto", ("a", "b")),
        ([0, 2, 5] * 4, "auto", ("0", "2", "5")),
        ([0.5, 2, 5] * 4, "auto", None),
        (list(range(30)), "auto", None),
        ([0, 2, 5] * 4, "regression", None),
        ([0.5, 2, 5] * 4, "classification", ("0.5", "2", "5")),
    ],
)
def test_what_counts_as_classes(values: list[object], task: str, classes: object) -> None:
    dtype = object if isinstance(values[0], str) else float
    x = np.arange(float(len(values)))
    found = split(table_of("t", {"x": x, "y": np.array(values, dtype=dtype)}), task=task)  # type: ignore[arg-type]  # one of two words
    assert (found.targets if found.classes else None) == classes


def test_the_target_is_named_or_the_column_target_or_the_last_one() -> None:
    x = np.arange(6.0)
    columns = {"a": x, "target": x**2 + 0.5, "c": x**3 + 0.5}
    assert split(table_of("t", columns)).targets == ("target",)
    assert split(table_of("t", columns), target="a").targets == ("a",)
    del columns["target"]
    assert split(table_of("t", columns)).targets == ("c",)
    chosen = split(load("linnerud"), target="Waist")
    assert (chosen.targets, len(chosen.features)) == (("Waist",), 3)


def test_test_rows_may_have_their_columns_in_another_order() -> None:
    x = np.arange(6.0)
    train = table_of("a", {"x": x, "z": x**2, "y": x + 0.5})
    test = table_of("b", {"y": x[:2] + 0.5, "z": x[:2] ** 2, "x": x[:2]})
    found = split(train, test)
    np.testing.assert_array_equal(found.X_test, found.X[:2])


def test_classes_that_only_the_test_rows_have_count() -> None:
    x = np.arange(6.0)
    train = table_of("a", {"x": x, "y": np.array(list("ababab"), dtype=object)})
    test = table_of("b", {"x": x, "y": np.array(list("cababa"), dtype=object)})
    found = split(train, test)
    assert found.targets == ("a", "b", "c")
    assert found.test_error(np.zeros((1, 3))) == 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digts", "did you mean 'digits'"),
        ("none.csv", "there is no file"),
        ("folder", "is not a file"),
        ("a.txt", "cannot tell what"),
        ("empty.csv", "is empty"),
        ("ragged.csv", "data row 2 of .* has 1 fields for 2 columns"),
        ("twice.csv", "2 columns called 'x'"),
        ("unnamed.csv", "column 2 of .* has no name"),
        ("binary.csv", "not a text file in UTF-8"),
        ("short.npz", "cannot read .* as NPZ"),
        ("pickled.npz", "cannot read .* as NPZ"),
        ("lacking.npz", "has no array 'y'; it has X"),
        ("flat.npz", r"must have shape \(n, d\); got \(3,\)"),
        ("uneven.npz", r"must have shape \(n,\) or \(n, m\) with n = 3"),
        ("short.parquet", "cannot read .* as Parquet"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    texts = {
        "a.txt": "x,y\n1,2\n",
        "empty.csv": "",
        "ragged.csv": "x,y\n1,2\n3\n",
        "twice.csv": "x,x\n1,2\n",
        "unnamed.csv": "x,\n1,2\n",
        "short.parquet": "PAR1 and no more",
    }
    for file, text in texts.items():
        write(tmp_path / file, text)
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    three = np.arange(3.0)
    np.savez(tmp_path / "lacking.npz", X=three[:, None])
    np.savez(tmp_path / "flat.npz", X=three, y=three)
    np.savez(tmp_path / "uneven.npz", X=three[:, None], y=three[:2])
    np.savez(tmp_path / "pickled.npz", X=np.array([{}], dtype=object), y=three)
    whole = (tmp_path / "lacking.npz").read_bytes()
    (tmp_path / "short.npz").write_bytes(whole[: len(whole) // 2])
    given = name if name == "digts" else tmp_path / name
    with pytest.raises(ValueError, match=message) as caught:
        load(given)
    assert "\n" not in str(caught.value)


TEXT = np.array(list("abcabc"), dtype=object)
X = np.arange(6.0)
HOLE = np.array([0, 1, np.nan, 3, 4, np.nan])


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"x": X, "y": X}, {"target": "z"}, "no column 'z'; it has 'x', 'y'"),
        ({"x": X, "price": X}, {"target": "prise"}, "did you mean 'price'"),
        ({"y": X}, {}, "no column but the target"),
        ({}, {}, "no columns"),
        ({"x": X[:0], "y": X[:0]}, {}, "no rows"),
        ({"x": HOLE, "y": X}, {}, "'x' of t has 2 missing value.*data row 3"),
        ({"x": X, "y": HOLE}, {}, "'y' of t has 2 missing value"),
        ({"x": X, "y": np.where(X == 1, None, TEXT)}, {}, "'y' of t has 1 missing value"),
        ({"x": X / 0.5 - np.where(X == 2, np.inf, 0), "y": X}, {}, "infinite in data row 3"),
        (
            {"a": TEXT, "x": TEXT, "y": X},
            {},
            r"columns 'a' \(such as 'a'\), 'x' \(such as 'a'\) of t hold",
        ),
        ({"x": X, "y": 0 * X}, {}, "target 'y' is constant"),
        ({"x": 0 * X, "y": X}, {}, "no feature of t varies"),
        ({"x": X[:2], "y": X[:2]}, {}, r"t has 2 row\(s\); a random split needs at least 3"),
        ({"x": X, "y": X}, {"test_size": 0.0}, "between 0 and 1"),
        ({"x": X, "y": X}, {"test_size": 1.0}, "between 0 and 1"),
        ({"x": X, "y": X}, {"test_size": np.nan}, "between 0 and 1"),
        ({"x": X, "y": X}, {"test_size": 0.99}, "at least 2 train rows and 1 test row"),
        ({"x": X, "y": X}, {"test_size": 0.01}, "at least 2 train rows and 1 test row"),
        (
            {"x": X, "y": TEXT},
            {"task": "regression"},
            "text, such as 'a' in data row 1; regression needs numbers",
        ),
        ({"x": X, "y": X}, {"task": "classification"}, "classes; choose task regression"),
        (
            {"x": X, "day": np.array([f"2020-01-0{day}" for day in range(1, 7)], dtype=object)},
            {},
            "such as '2020-01-01': too many for classes; choose another target, if this is",
        ),
        ({"x": X * 3e307, "y": X}, {}, "too large or too small"),
        ({"x": X * 1e-300, "y": X}, {}, "too large or too small"),
        (
            {"x": X, "y": X},
            {"test": table_of("u", {"x": X, "yy": X})},
            "lacks 'y', has 'yy' besides",
        ),
        ({"x": X, "y": X}, {"test": table_of("u", {"x": X, "y": HOLE})}, "'y' of u has 2 missing"),
        (
            {"x": X, "y": X},
            {"test": table_of("u", {"x": X, "y": X}), "test_size": 0.5},
            "not both",
        ),
    ],
)
def test_what_cannot_be_split(
    columns: dict[str, np.ndarray], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        split(table_of("t", columns), **options)  # type: ignore[arg-type]  # options as a dict
    assert "\n" not in str(caught.value)


def test_three_parts_at_random() -> None:
    first, second = split_three(load("diabetes"), seed=3)
    again, _ = split_three(load("diabetes"), seed=3)
    other, _ = split_three(load("diabetes"), seed=4)
    assert [len(part) for part in (first.X, first.X_test, second.X_test)] == [221, 110, 111]
    np.testing.assert_array_equal(first.X, second.X)
    np.testing.assert_array_equal(first.X_test, again.X_test)
    assert not np.array_equal(first.X, other.X)
    # every row is in one part
    bunch = shipped.load_diabetes()
    targets = np.sort(np.concatenate([first.y, first.y_test, second.y_test]).ravel())
    whole = np.sort(bunch.target - bunch.target.mean())
    np.testing.assert_allclose(targets - targets.mean(), whole, atol=1e-9)


def test_three_parts_from_three_files() -> None:
    train = table_of("train", {"a": X, "y": 2 * X})
    parts = [
        table_of(name, {"a": rows, "y": rows**2}) for name, rows in (("v", X[:3]), ("t", X[1:3]))
    ]
    first, second = split_three(train, *parts)
    mean, scale = X.mean(), X.std()
    np.testing.assert_allclose(first.X_test[:, 0], (X[:3] - mean) / scale)
    np.testing.assert_allclose(second.X_test[:, 0], (X[1:3] - mean) / scale)
    np.testing.assert_allclose(second.y_test.ravel(), X[1:3] ** 2 - 2 * mean)
    assert "3 validation rows, from v; 2 test rows, from t" in " ".join(first.notes)


def test_three_parts_need_both_files_and_the_same_kind_of_columns() -> None:
    table = table_of("train", {"a": X, "y": X})
    with pytest.raises(ValueError, match="give validation rows and test rows, or neither"):
        split_three(table, table)
    with pytest.raises(ValueError, match="it lacks 'a'"):
        split_three(table, table, table_of("test", {"y": X}))
    text = np.array(["x"] * len(X), dtype=object)
    with pytest.raises(ValueError, match="column 'a' holds text in odd, such as 'x'"):
        split_three(table, table, table_of("odd", {"a": text, "y": X}))
    few = "at least 2 train rows and 1 validation row and 1 test row are needed; t gives 1 and 2"
    with pytest.raises(ValueError, match=few):
        split_three(table_of("t", {"a": X[:3], "y": X[:3]}))


def test_columns_are_left_out(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("id,a,y\nx1,1,2\nx2,2,3\nx3,4,4\nx4,8,1\n")
    test.write_text("a,y\n3,3\n5,2\n")
    rows = split(load(train), load(test), ignore=["id"])
    assert rows.features == ("a",)
    with pytest.raises(ValueError, match="text"):
        split(load(train))
    whole, judged = split_three(load(train), load(test), load(test), ignore=["id"])
    assert whole.features == judged.features == ("a",)
    for read in (split, split_three, labelled):
        with pytest.raises(
            ValueError, match=r"train.csv has no column 'idd' to ignore \(did you mean 'id'\?\)"
        ):
            read(load(train), ignore=["idd"])  # type: ignore[operator] # one parameter of three
        with pytest.raises(ValueError, match="'target' of iris is the target, not to be ignored"):
            read(load("iris"), ignore=["target"])  # type: ignore[operator] # one parameter of three
