import re
from pathlib import Path

import pytest

from isoloss.curves.log_files import find_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path, given: object) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_files(given)[0]]


def test_files_folders_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(
        tmp_path, "b.csv", "a.csv.gz", "c.parquet", "notes.md", "config.json", "d.jsonl", "._b.csv"
    )
    touch(tmp_path, "below/e.csv", "x[1].csv")
    assert names(tmp_path, tmp_path) == ["a.csv.gz", "b.csv", "c.parquet", "d.jsonl", "x[1].csv"]
    assert names(tmp_path, tmp_path / "**/*.csv") == ["b.csv", "below/e.csv", "x[1].csv"]
    assert names(tmp_path, tmp_path / "x[1].csv") == ["x[1].csv"]
    assert names(tmp_path, [tmp_path / "b.csv", tmp_path / "b.*"]) == ["b.csv"]
    assert find_files(tmp_path / "b.csv")[1] is False
    assert find_files(tmp_path)[1] is True
    monkeypatch.chdir(tmp_path)
    assert find_files("b*.csv")[0] == [Path("b.csv")]


def test_logs_in_folders_below(tmp_path: Path) -> None:
    touch(tmp_path, "logs/version_0/metrics.csv", "logs/version_0/hparams.yaml")
    touch(
        tmp_path,
        "bert/checkpoint-500/trainer_state.json",
        "bert/checkpoint-1500/trainer_state.json",
    )
    touch(tmp_path, "t5/trainer_state.json", "t5/checkpoint-9/trainer_state.json")
    assert names(tmp_path, tmp_path) == [
        "bert/checkpoint-1500/trainer_state.json",
        "logs/version_0/metrics.csv",
        "t5/trainer_state.json",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("b.cvs", "there is no file 'HERE/b.cvs' (did you mean 'HERE/b.csv'?)"),
        ("*.tsv", "no file matches 'HERE/*.tsv'"),
    ],
)
def test_missing_files(tmp_path: Path, given: str, message: str) -> None:
    touch(tmp_path, "b.csv")
    with pytest.raises(FileNotFoundError, match=re.escape(message.replace("HERE", str(tmp_path)))):
        find_files(tmp_path / given)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no log: no file that ends in .csv, .tsv"):
        find_files(tmp_path)
    with pytest.raises(ValueError, match="path is an empty list"):
        find_files([])
    with pytest.raises(ValueError, match=r"'https://x.org/a.csv' is a URL"):
        find_files("https://x.org/a.csv")
