"""Schedules in files: what is read, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import isoloss as il
from isoloss import families


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "[0.5, 0.25]"),
        ("a.JSON", " [0.5, 0.25]\n"),
        ("a.csv", "lr\n0.5\n0.25\n"),
        ("a.csv", "0.5\n0.25"),
        ("a.csv", "whatever\n0.5\n0.25\n"),
        ("a.csv", "step;lr\n0;0.5\n1;.25\n"),
        ("a.csv", "sep=;\nstep;lr\n7;0.5\n8;0.25\n"),
        ("a.csv", "lr\tepoch\n0.5\t1\n0.25\t2\n"),
        ("a.csv", "step | lr\n0 | 0.5\n1 | 0.25\n"),
        ("a.csv", "step   lr\n   0  0.5\n   1 0.25\n"),
        ("a.csv", ",lr\n0,0.5\n1,0.25\n"),
        ("a.csv", "lr\n0.5\n0.25\n".encode("utf-16")),
        ("a.json", b"\xef\xbb\xbf[0.5, 0.25]"),
        ("a.csv.gz", gzip.compress(b"lr\n0.5\n0.25\n", mtime=0)),
        ("a.csv", "step, learning_rate\r\n0, 0.5\r\n\r\n1, 2.5e-1\r\n"),
        ("a.txt", "rate,step\n0.5,0\n0.25,1\n"),
        ("a.csv", "\ufefflr\n0.5\n0.25\n"),
        ("a.csv", 'step,"lr"\n0,"0.5"\n1,0.25\n'),
    ],
)
def test_rates_are_read(tmp_path: Path, name: str, text: str | bytes) -> None:
    wanted = il.Schedule(il.GradientDescent([0.5, 0.25]))
    assert il.read_schedule(written(tmp_path, name, text)) == wanted
    assert il.read_schedule(str(tmp_path / name)) == wanted


def test_a_column_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "lr,body,head\n1,0.5,2\n1,0.25,3\n")
    assert il.read_schedule(path, column="head").learning_rates().tolist() == [2.0, 3.0]
    assert il.read_schedule(path, column="lr").learning_rates().tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"'body', 'head' beside the rates in 'lr'.*column='lr'"):
        il.read_schedule(path)


def test_any_schedule_goes_through_json(tmp_path: Path) -> None:
    schedule = families.cosine(0.3, 7) + il.HeavyBall(0.1, 0.9, 5) + il.GradientFlow()
    assert il.read_schedule(written(tmp_path, "a.json", schedule.to_json())) == schedule


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv: the file is empty"),
        ("a.csv", "\n\n", "the file is empty"),
        ("a.csv", "step,eta\n0,0.5\n", "no column of rates named 'lr'; there are 'step', 'eta'"),
        ("a.csv", "lr\n0.5\nfast\n", "the rate in row 2 is not a number: 'fast'"),
        ("a.csv", "lr\n1_0\n", "the rate in row 1 is not a number: '1_0'"),
        ("a.csv", "lr\n１\n", "the rate in row 1 is not a number: '１'"),
        (
            "a.csv",
            "lr\n0,5\n0,25\n",
            "row 1 has 2 entries, .* write decimal points, not",
        ),
        ("a.csv", "step;lr\n0;0,5\n", "not a number: '0,5'; write it .* with a decimal point"),
        ("a.csv", "lr\n1,000\n", "row 1 has 2 entries"),
        ("a.csv", "LR\n0.5,0.1\n", "row 1 has 2 entries, but the first line has 1"),
        ("a.csv", "step,lr,lr\n0,0.5,0.1\n", "several columns are called 'lr'"),
        ("a.csv", "lr,momentum\n0.5,0.9\n", "the file has 'momentum' beside the rates in 'lr'"),
        ("a.csv", "lr,steps\n0.5,10\n", "the file has 'steps' beside the rates in 'lr'"),
        ("a.csv", "lr,rate\n0.5,0.1\n", "the file has 'rate' beside the rates in 'lr'"),
        ("a.csv", "step,lr,loss\n0,0.5,x\n", "the file has 'loss' beside the rates in 'lr'"),
        ("a.csv", "step,lr\n50,0.5\n100,0.25\n", "goes from '50' to '100' in row 2; write a row"),
        ("a.csv", "step,lr\n0,0.5\n,0.25\n", "goes from '0' to '' in row 2"),
        ("a.csv", "lr\n0.5\nlr\n0.25\n", "the rate in row 2 is not a number: 'lr'"),
        ("a.csv", "0\n0.5\n0.25\n", "a rate or a name: it holds whole numbers.*a line 'lr'"),
        ("a.csv", "0,0.5\n1,0.25\n", "no column of rates named 'lr'; there are '0', '0.5'"),
        ("a.csv", "step lr x\n0 0.5 \n1 0.25 \n", "and some seem to be empty"),
        ("a.csv", 'lr\n"0.5', "unexpected end of data"),
        ("a.csv", "lr\n0.5\0\n", "line 2 has a NUL character"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", '{"phases": ' + "[" * 100_000, "nested too deeply"),
        ("a.csv", "step,lr\n0,0.5\n1\n", "the rate in row 2 is not a number: ''"),
        ("a.csv", "lr\nnan\n", "lr must be finite"),
        ("a.csv", "lr\n-1\n", "must not be negative; got -1"),
        ("a.json", "", "a.json: not JSON"),
        ("a.json", "{}", '"format": "isoloss schedule"'),
        ("a.json", "[0.5", "not JSON"),
        ("a.json", f"[1{'0' * 400}]", "phase 0 of the schedule"),
        ("a.json", '["0.5"]', "real number"),
        ("a.csv", b"\xff\xfe\x00lr", "is not a text file"),
    ],
)
def test_what_is_no_schedule_is_refused(
    tmp_path: Path, name: str, text: str | bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        il.read_schedule(written(tmp_path, name, text))


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "lr,step\n1,0\n")
    with pytest.raises(ValueError, match="no column 'eta'; there are 'lr', 'step'"):
        il.read_schedule(path, column="eta")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        il.read_schedule(tmp_path / "nowhere.csv")


def test_an_address_is_no_file() -> None:
    with pytest.raises(ValueError, match="is a URL, and isoloss reads only local files; download"):
        il.read_schedule("https://example.org/rates.csv")


def test_steps_are_counted_whatever_column_is_chosen(tmp_path: Path) -> None:
    # A log of every fiftieth step holds no schedule of single steps.
    path = written(tmp_path, "log.csv", "step,lr,loss\n50,0.5,3\n100,0.25,2\n")
    with pytest.raises(ValueError, match="'step' goes from '50' to '100'"):
        il.read_schedule(path, column="lr")
