import json
from pathlib import Path

import numpy as np
import pytest

from isoloss.curves.json_logs import JSONLog

NAN = float("nan")


def log(folder: Path, text: str, name: str = "log.jsonl", **columns: str) -> JSONLog:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return JSONLog(path, columns)


def test_keys_may_differ_and_be_nested(tmp_path: Path) -> None:
    text = '{"step": 1, "train": {"loss": 2.5}}\n\n{"step": 2, "val": {"loss": NaN}, "ok": true}\n'
    found = log(tmp_path, text + '{"step": 3, "train": {"loss": null}, "note": "end"}')
    assert found.names == ("step", "train/loss", "val/loss")
    frame = found.read(["step", "train/loss", "val/loss"])
    np.testing.assert_array_equal(frame["step"], [1, 2, 3])
    np.testing.assert_array_equal(frame["train/loss"], [2.5, NAN, NAN])
    np.testing.assert_array_equal(frame["val/loss"], [NAN, NAN, NAN])


def test_runs_are_categories(tmp_path: Path) -> None:
    text = '{"run": "a", "x": 1}\n{"run": 7, "x": 2}\n{"x": 3}\n{"run": "a", "x": 4}\n'
    found = log(tmp_path, text).read(["x"], "run")
    assert found["run"].isna().tolist() == [False, False, True, False]
    assert found["run"].dropna().tolist() == ["a", "7", "a"]
    named = log(tmp_path, text.replace("run", "who"), run="who").read(["x"], "who")
    assert named["who"].dropna().tolist() == ["a", "7", "a"]


def test_numbers_may_be_texts(tmp_path: Path) -> None:
    # as Weights & Biases writes what JSON lacks
    found = log(tmp_path, '{"x": 1.5}\n{"x": "NaN"}\n{"x": "Infinity"}\n').read(["x"])
    np.testing.assert_array_equal(found["x"], [1.5, NAN, np.inf])


def test_many_blocks_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoloss.curves.json_logs._BLOCK", 64)
    records = [{"x": i} | ({"run": f"r{i % 7}"} if i % 5 else {"y": -i}) for i in range(100)]
    found = log(tmp_path, "\n".join(map(json.dumps, records))).read(["x", "y"], "run")
    assert found["x"].tolist() == list(range(100))
    np.testing.assert_array_equal(found["y"], [r.get("y", NAN) for r in records])
    assert found["run"].dtype == "category"
    assert found["run"].dropna().tolist() == [r["run"] for r in records if "run" in r]
    with pytest.raises(ValueError, match=r"line 101 of .* is not JSON: "):
        log(tmp_path, "\n".join([*map(json.dumps, records), "{x}", *map(json.dumps, records)]))


@pytest.mark.parametrize(
    "text", ['[{"x": 1}, {"x": 2}]', '{"log_history": [{"x": 1}, {"x": 2}, {"train_runtime": 1}]}']
)
def test_whole_values(tmp_path: Path, text: str) -> None:
    assert log(tmp_path, text, "log.json").read(["x"])["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x": 1}\n{"x": 2', r"line 2 of .*log.jsonl' is not JSON \(was the file still"),
        ('{"x": 1}\n{x: 2}\n{"x": 3}', "line 2 of .*log.jsonl' is not JSON: Expecting"),
        ('{"x": 1}\n[2]\n', "holds list where a record, such as"),
        ("\n", "has no records"),
    ],
)
def test_broken_lines(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"x": 1}',
            "holds no log: it needs a list of records, one record per line, or the log_history",
        ),
        ('[{"x": 1},', "log.json' is not JSON: "),
        ("[1, 2]", "holds int where a record"),
    ],
)
def test_other_values(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log(tmp_path, text, "log.json")


@pytest.mark.parametrize("name", ["log.json", "log.jsonl"])
def test_nesting_without_end_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        log(tmp_path, "[" * 100_000, name)
