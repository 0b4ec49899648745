"""Missing values, texts, several targets, labels, repeated rows: what is done, and what is said."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from typer.testing import CliRunner

from isoloss.cli import app
from isoloss.datasets import ColumnError, Table, labelled, load, split, split_three
from isoloss.estimators import load_model

FAST = {
    "compare": ["--levels", "1", "--schedule", "flow", "--repeats", "3"],
    "design": ["--steps", "1", "--starts", "1", "--family", "constant"],
    "fit": ["--levels", "1", "--schedule", "flow"],
}


def draws() -> np.random.Generator:
    """Return the same numbers in whatever order tests run."""
    return np.random.default_rng(11)


def houses(rows: int = 40) -> pd.DataFrame:
    """Rows with gaps in two columns of numbers, and one of text."""
    frame = pd.DataFrame(draws().normal(size=(rows, 3)).round(3), columns=list("abc"))
    frame["city"] = np.array(["Oslo", "Rome", "Kyoto"], dtype=object)[np.arange(rows) % 3]
    frame["price"] = (frame["a"] + 2 * frame["b"] + (frame["city"] == "Rome")).round(3)
    frame.loc[[3, 8], "a"] = np.nan
    frame.loc[8, "c"] = np.nan
    return frame


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    houses().to_csv("houses.csv", index=False)
    return tmp_path / "houses.csv"


def isoloss(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def one_by_one(frame: pd.DataFrame, statistic: str) -> Any:
    """Return what scikit-learn's own parts make of columns, put together by hand."""
    return make_pipeline(
        ColumnTransformer(
            [
                ("n", SimpleImputer(strategy=statistic), ["a", "b", "c"]),
                ("t", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["city"]),
            ]
        ),
        StandardScaler(),
    )


@pytest.mark.parametrize("statistic", ["mean", "median", "most_frequent"])
def test_it_is_scikit_learns_pipeline_fitted_on_the_train_rows(statistic: Any, file: Path) -> None:
    frame = pd.read_csv(file)
    found = split(load(file), impute=statistic, encode="one-hot", test_size=0.25, seed=2)
    order = np.random.default_rng(2).permutation(40)
    test, train = np.sort(order[:10]), np.sort(order[10:])
    steps = one_by_one(frame, statistic).fit(frame.iloc[train])
    np.testing.assert_allclose(found.X, steps.transform(frame.iloc[train]), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        found.X_test, steps.transform(frame.iloc[test]), rtol=1e-12, atol=1e-15
    )
    assert found.features == ("a", "b", "c", "city_Kyoto", "city_Oslo", "city_Rome")
    text = " ".join(found.notes)
    assert f"in 'a', 'c' were filled in with the column's {statistic[:4]}" in text
    assert "Text was one-hot encoded, a column for each value in the train rows: 'city' (3)" in text


def test_all_faults_are_named_at_once_with_what_would_help(file: Path) -> None:
    frame = houses()
    frame["name"] = [f"n{i}" for i in range(40)]
    frame["void"] = np.nan
    frame["x"] = np.where(frame.index == 6, np.inf, frame.index)
    frame["code"] = np.where(frame.index == 4, "n.k.", frame.index.astype(str))
    odd = "column 'code' of t: 39 of its 40 cells are numbers, but 'n.k.' in data row 5 is not"
    frame.loc[5, "price"] = np.nan
    table = Table("t", frame, odd={"code": odd})
    with pytest.raises(ColumnError) as caught:
        split(table, target="price")
    for text in (
        "column 'void' of t has no values",
        "column 'x' of t is infinite in data row 7",
        "columns 'a', 'c' of t have 3 missing value(s), the first in data row 4",
        "column 'name' of t holds text, such as 'n0', 40 different ones in 40 rows: too many",
        odd,
        "column 'city' of t holds text, such as 'Oslo'",
        "the target 'price' of t has 1 missing value(s), the first in data row 6",
        "impute='median' fills in missing values",
        "drop_rows=True leaves out the rows without a target",
        "encode='one-hot' makes a column for each text value",
        "ignore=['void', 'code', 'x', 'name'] leaves out the columns that cannot be used",
    ):
        assert text in str(caught.value)
    helps = {each.option: each.value for each in caught.value.helps}
    found = split(table, target="price", **helps)
    assert (len(found.X) + len(found.X_test), len(found.features)) == (39, 6)


@pytest.mark.parametrize("command", ["compare", "design", "fit"])
def test_the_error_names_a_command_that_leads_to_an_answer(command: str, file: Path) -> None:
    given = [command, "houses.csv", "--target", "price", *FAST[command]]
    refused = isoloss(*given)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "columns 'a', 'c' of houses.csv have 3 missing value(s)" in refused.stderr
    assert "column 'city' of houses.csv holds text, such as 'Oslo'" in refused.stderr
    assert "--drop-rows instead leaves out 2 of 40 rows" in refused.stderr
    better = refused.stderr[refused.stderr.rindex(". Try: isoloss ") + 15 :]
    assert shlex.split(better) == [*given, "--impute", "median", "--encode", "one-hot"]
    done = isoloss(*shlex.split(better))
    assert done.exit_code == 0, done.stderr
    assert "filled in with the column's median" in " ".join(done.stdout.split())


def test_a_wide_file_with_gaps_everywhere_leads_to_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X = draws().normal(size=(2000, 59)).round(3)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(59)])
    frame["kind"] = np.array(["a", "b", "c"], dtype=object)[np.arange(2000) % 3]
    frame = frame.mask(draws().random(frame.shape) < 0.005)
    frame.assign(y=(X @ np.ones(59)).round(3)).to_csv("wide.csv", index=False)
    given = ["compare", "wide.csv", *FAST["compare"]]
    refused = isoloss(*given)
    gaps = [name for name in frame.columns[:-1] if frame[name].isna().any()]
    assert f"columns {', '.join(map(repr, gaps))} of wide.csv have" in refused.stderr
    assert "column 'kind' of wide.csv holds text" in refused.stderr
    done = isoloss(*shlex.split(refused.stderr[refused.stderr.rindex("Try: isoloss ") + 13 :]))
    assert done.exit_code == 0, done.stderr
    assert "63 features, standardised" in done.stdout


def test_a_sweep_resamples_prepared_rows(file: Path) -> None:
    from isoloss.sweep.makers import KINDS

    fixed = {"data": "houses.csv", "n": 8, "impute": "median", "encode": "one-hot"}
    problem = KINDS["resampled"](**fixed, target=["price", "b"])(np.random.default_rng(0))
    assert problem.curvature.shape == (4,)  # two numbers; of three places, one follows
    with pytest.raises(ColumnError, match=r"'city' of houses\.csv holds text"):
        KINDS["resampled"](data="houses.csv", drop_rows=True)


def test_rows_are_left_out_and_counted(file: Path) -> None:
    found = split(load(file), drop_rows=True, encode="one-hot")
    assert len(found.X) + len(found.X_test) == 38
    assert "2 of 40 rows of houses.csv were left out because of missing values." in found.notes
    kept = pd.read_csv(file).dropna().reset_index(drop=True)
    same = split(Table("houses.csv", kept), encode="one-hot")
    np.testing.assert_array_equal(found.X, same.X)
    np.testing.assert_array_equal(found.y_test, same.y_test)
    # a target is never made up: with impute, rows without one can be left out
    frame = houses()
    frame.loc[[0, 1, 2], "price"] = np.nan
    with pytest.raises(ColumnError, match="target 'price' of t has 3 missing") as caught:
        split(Table("t", frame), impute="mean", encode="one-hot")
    assert caught.value.targets_only
    both = labelled(Table("t", frame), drop_rows=True, impute="mean", encode="one-hot")
    assert len(both.X) == 37
    frame["price"] = np.nan
    with pytest.raises(ValueError, match="drop_rows leaves no rows of t: each has a missing value"):
        split(Table("t", frame), drop_rows=True)


def test_texts_that_only_other_rows_have_count_as_none_and_are_said() -> None:
    train = Table("train", pd.DataFrame({"k": ["a", "b", None] * 3, "y": np.arange(9) + 0.5}))
    test = Table("test", pd.DataFrame({"k": ["b", "c", None, "a"], "y": [0.5, 1.5, 2.5, 3.5]}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = split(train, test, encode="one-hot")
    assert found.features == ("k_a", "k_b", "k_None")
    low, high = -(0.5**0.5), 2**0.5
    expected = [[low, high, low], [low] * 3, [low, low, high], [high, low, low]]
    np.testing.assert_allclose(found.X_test, expected, rtol=1e-12)
    text = " ".join(found.notes)
    assert "'k' (3); missing text counts as a value." in text
    assert (
        "1 test row has a value of 'k' that no train row has ('c'): it is encoded as none of the "
        "known"
    ) in text
    first, second = split_three(train, test, test, encode="one-hot")
    np.testing.assert_array_equal(first.X_test, second.X_test)
    assert "1 validation row has a value of 'k'" in " ".join(first.notes)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"impute": "meidan"}, r"impute must be None or one of .*; got 'meidan' \(did you mean 'm"),
        ({"encode": "ordinal"}, "encode must be None or one of 'one-hot'; got 'ordinal'"),
    ],
)
def test_options_are_checked(option: dict[str, Any], message: str) -> None:
    for read in (split, split_three, labelled):
        with pytest.raises(ValueError, match=message):
            read(load("iris"), **option)  # type: ignore[operator] # one parameter of three


def test_a_saved_model_prepares_new_files(file: Path) -> None:
    command = ["fit", "houses.csv", "--impute", "median", "--encode", "one-hot"]
    done = isoloss(*command, *FAST["fit"], "--save", "m.skops")
    assert done.exit_code == 0, done.stderr
    frame = pd.read_csv(file)
    new = frame.drop(columns="price")[["city", "c", "b", "a"]].head(5)
    new.loc[1, "b"], new.loc[2, "city"], new.loc[3, "city"] = np.nan, "Lima", None
    new.to_csv("new.csv", index=False)
    found = isoloss("predict", "m.skops", "new.csv")
    assert found.exit_code == 0, found.stderr
    assert found.stderr == (
        "isoloss: note: 2 rows have a value of 'city' that the model does not know ('Lima'): it "
        "is encoded as none of the known values.\n"
    )
    model = load_model("m.skops")
    steps = one_by_one(frame, "median").fit(frame)
    by_hand = steps.transform(new.assign(city=["Oslo", "Rome", "?", "?", "Rome"]))
    expected = by_hand @ model[-1].coef_ + model[-1].intercept_
    printed = np.array(found.stdout.split()[1:], dtype=float)
    np.testing.assert_allclose(printed, expected, rtol=1e-12)
    # a model that was not told how to fill in says so, with the place
    command = ["fit", "houses.csv", "--drop-rows", "--ignore", "city", *FAST["fit"]]
    assert isoloss(*command, "--save", "n.skops").exit_code == 0
    refused = isoloss("predict", "n.skops", "new.csv")
    gaps = "columns 'a', 'b' of new.csv have 2 missing value(s), the first in data row 2"
    assert gaps in refused.stderr
    assert "a model of isoloss fit --impute median fills in" in refused.stderr
    new.assign(a="x").to_csv("text.csv", index=False)
    refused = isoloss("predict", "m.skops", "text.csv")
    assert "column 'a' holds text in text.csv, such as 'x', but numbers in the" in refused.stderr


def test_numbers_in_a_column_that_is_text_elsewhere_are_its_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("zone,y\n" + "01,1.5\nA,2.5\nB,3.5\n1,4.5\n" * 3)
    (tmp_path / "b.csv").write_text("zone,y\n01,1.5\n1,2.5\n")
    train, test = load(tmp_path / "a.csv"), load(tmp_path / "b.csv")
    found = split(train, test, encode="one-hot")
    assert found.features == ("zone_01", "zone_1", "zone_A", "zone_B")
    np.testing.assert_array_equal(found.X_test.argmax(axis=1), [0, 1])
    with pytest.raises(ColumnError, match=r"'zone' holds text in a\.csv, such as 'A', but numbers"):
        split(test, train, encode="one-hot")


def test_several_targets(file: Path) -> None:
    frame = houses().dropna().drop(columns="city")
    frame["rent"] = (frame["c"] - frame["a"]).round(3)
    frame.to_csv("two.csv", index=False)
    found = split(load("two.csv"), target=["rent", "price"])
    assert (found.targets, found.features) == (("rent", "price"), ("a", "b", "c"))
    one = split(load("two.csv"), target="rent", ignore=["price"])
    squares = [sum(float(value) ** 2 for value in column) for column in found.y.T]
    rent, price = (f"{100 * square / sum(squares):.3g}%" for square in squares)
    shares = (
        f"Losses are summed over the targets, as they are, unscaled: at the start {rent} 'rent'"
    )
    assert f"{shares}, {price} 'price'." in found.notes
    assert not any("summed over" in note for note in one.notes)
    grey = pd.DataFrame({"a": [1.0, 2, 4, 7], "y": ["u", "v", "v", "u"]})
    grey.to_csv("grey.csv", index=False)
    assert not any("summed over" in note for note in split(load("grey.csv")).notes)
    np.testing.assert_allclose(found.y[:, :1], one.y, rtol=1e-14, atol=1e-15)
    assert split_three(load("two.csv"), target=("rent", "price"))[1].y_test.shape[1] == 2
    both = ["--target", "rent", "--target", "price"]
    done = isoloss("compare", "two.csv", *both, *FAST["compare"])
    assert "Targets 'rent', 'price': regression (several targets)" in done.stdout
    done = isoloss("design", "two.csv", *both, *FAST["design"])
    assert "Targets 'rent', 'price'" in done.stdout
    done = isoloss("fit", "two.csv", *both, *FAST["fit"], "--save", "m.skops")
    assert done.exit_code == 0, done.stderr
    printed = isoloss("predict", "m.skops", "two.csv").stdout.splitlines()
    assert printed[0] == "prediction_rent,prediction_price"
    X, Y = frame[list("abc")], frame[["rent", "price"]]
    model = load_model("m.skops")
    np.testing.assert_allclose(
        [list(map(float, line.split(","))) for line in printed[1:]], model.predict(X), rtol=1e-12
    )
    assert LinearRegression().fit(X, Y).score(X, Y) >= model.score(X, Y)
    for names, message in (
        (["rent", "rnt"], r"no column 'rnt' \(did you mean 'rent'\?\)"),
        (["rent", "rent"], "the target 'rent' is given 2 times"),
        ([], "target must name at least one column"),
    ):
        with pytest.raises(ValueError, match=message):
            split(load("two.csv"), target=names)
    with pytest.raises(ValueError, match="the target 'city' holds text, such as 'Oslo'"):
        split(Table("t", houses().dropna()), target=["city", "price"])


def test_near_constant_columns_are_scikit_learns(tmp_path: Path, file: Path) -> None:
    a, noise = draws().normal(size=(2, 80))
    k = np.where(np.arange(80) % 2, 0.3, 0.1 + 0.2)
    times = 1.7e18 + 1e4 * draws().normal(
        size=80
    )  # nanoseconds; StandardScaler leaves them as they are
    table = Table("t", pd.DataFrame({"a": a, "k": k, "times": times, "y": 2 * a + noise}))
    scaler = StandardScaler().fit(table.frame[["a", "k", "times"]])
    np.testing.assert_array_equal(scaler.scale_[1:], 1.0)
    found, rows = split(table), labelled(table)
    assert found.features == rows.features == ("a",)
    for notes in (found.notes, rows.notes):
        assert "'k', 'times' left out, constant in the train rows" in " ".join(notes)
    table.frame.to_csv("k.csv", index=False)
    for command in ("compare", "design", "fit"):
        done = isoloss(command, "k.csv", *FAST[command])
        assert "'k', 'times' left out, constant in the train rows" in done.stdout, done.stderr
    # the variance of small numbers is lost, which does not make them constant
    with pytest.raises(ValueError, match="too large or too small to standardise"):
        labelled(Table("t", pd.DataFrame({"a": a * 1e-200, "y": noise})))


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["01", "1", "02"], ["01", "1", "02"]),
        (["9007199254740993", "9007199254740992", "9007199254740996"], None),
        (["True", "False"], ["False", "True"]),
        (["1e3", "1000", "5"], ["5", "1000", "1e3"]),
        (["10", "9", "-1"], ["-1", "9", "10"]),
    ],
)
def test_labels_stay_as_written(
    cells: list[str], labels: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    k = np.arange(30) % len(cells)
    X = (np.eye(len(cells))[k] + 0.01 * draws().normal(size=(30, len(cells)))).round(4)
    lines = [f"{','.join(map(str, row))},{cells[i]}" for row, i in zip(X, k, strict=True)]
    Path("l.csv").write_text("\n".join([",".join("abc"[: len(cells)]) + ",label", *lines]) + "\n")
    found = split(load("l.csv"))
    assert found.classes
    assert sorted(found.targets) == sorted(cells)
    assert labels is None or list(found.targets) == labels
    assert labelled(load("l.csv")).y.tolist() == [cells[i] for i in k]
    same = [note for note in found.notes if note.startswith("Labels are kept as written")]
    assert bool(same) == (cells[:2] in (["01", "1"], ["1e3", "1000"]) or labels is None)
    done = isoloss("fit", "l.csv", *FAST["fit"], "--save", "m.skops")
    assert done.exit_code == 0, done.stderr
    assert isoloss("predict", "m.skops", "l.csv").stdout.split()[1:] == [cells[i] for i in k]


def test_labels_are_written_alike_in_all_files() -> None:
    x = np.arange(8.0)
    cells = {"y": ["1", "2"] * 4}
    train = Table("train.csv", pd.DataFrame({"x": x, "y": [1.0, 2.0] * 4}), cells=cells)
    other = Table("b.csv", train.frame, cells={"y": ["1.0", "2.0"] * 4})
    message = "'y' is written '1' in train.csv and '1.0' in the other rows; write each label"
    with pytest.raises(ValueError, match=message):
        split(train, other)
    with pytest.raises(ValueError, match=message):
        labelled(train, other)
    assert labelled(train, train).y.tolist() == ["1", "2"] * 4
    assert not labelled(train, other, task="regression").classes


@pytest.mark.parametrize("cell", ["none of it", "1,000", "n.k.", "12 m"])
def test_one_odd_cell_makes_no_classes_of_a_numeric_target(cell: str, tmp_path: Path) -> None:
    y = [str(i % 12) for i in range(60)]
    y[7] = cell
    rows = [f"{i};{i % 7};{each}" for i, each in enumerate(y)]
    (tmp_path / "t.csv").write_text("\n".join(["a;b;score", *rows]) + "\n")
    table = load(tmp_path / "t.csv")
    for read in (split, split_three, labelled):
        with pytest.raises(ValueError, match=f"'score' .*'{cell}' in data row 8"):
            read(table)  # type: ignore[operator] # one parameter of three
    found = split(table, task="classification")  # as asked
    assert len(found.targets) == 13


def test_the_task_is_scikit_learns_type_of_target() -> None:
    x = np.arange(60.0)
    for y, classes in (
        (x % 2, True),
        (x % 20, True),
        (x % 21, False),
        (x % 3 + 0.5, False),
        (1e300 * (x % 2 + 1), False),
        ((x % 2).astype(bool), True),
    ):
        assert split(Table("t", pd.DataFrame({"x": x, "y": y}))).classes == classes


def test_rows_that_repeat_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = houses(30)[["a", "b", "city", "price"]].assign(a=np.arange(30.0))
    twice = pd.concat([frame, frame.iloc[:6]], ignore_index=True)
    found = split(Table("t", twice), encode="one-hot")
    order = np.random.default_rng(0).permutation(36)
    test, train = set(order[:18]), set(order[18:])
    count = sum((i in test) != (i + 30 in test) for i in range(6))
    assert count > 0
    verb = "occurs" if count == 1 else "occur"
    message = f"{count} of 18 test rows also {verb} among the train rows (equal in all columns)"
    assert any(message in note for note in found.notes)
    assert train | test == set(range(36))
    assert any(
        "12 of 36 train rows repeat others" in note
        for note in labelled(Table("t", twice), encode="one-hot").notes
    )
    both = split_three(
        Table("a", frame), Table("b", frame[:4]), Table("c", frame[:3]), encode="one-hot"
    )
    for message in ("4 of 4 validation rows also occur among", "3 of 3 test rows also occur among"):
        assert any(message in note for note in both[0].notes)
    # a row that differs in one column, be it the target, is another row
    moved = frame.assign(price=frame["price"] + 1)
    assert "among" not in " ".join(
        split(Table("a", frame), Table("b", moved), encode="one-hot").notes
    )
    frame.to_csv("a.csv", index=False)
    one_split = FAST["compare"][:-2]  # given test rows are not split repeatedly
    done = isoloss(
        "compare", "a.csv", "--test", "a.csv", "--encode", "one-hot", *one_split, "--out", "out"
    )
    assert "30 of 30 test rows also occur among the train rows" in done.stdout, done.stderr
    assert (
        "30 of 30 test rows also occur among the train rows" in Path("out/report.html").read_text()
    )


def test_a_fold_that_cannot_be_trained_on_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("a,b,kind\n" + "".join(f"{i},{i % 5},{'x' if i else 'y'}\n" for i in range(20)))
    done = isoloss("fit", path, *FAST["fit"])
    assert done.exit_code == 2
    assert "cannot be trained on" in done.stderr
    assert "the class 'y' has a single row: leave it out, or add rows of it" in done.stderr
