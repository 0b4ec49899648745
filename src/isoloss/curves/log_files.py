"""Find the files of a log: one, several, those of a folder, or those that a pattern matches."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from isoloss._messages.near_misses import no_file
from isoloss.delimited.decoding import check_local

__all__ = ["find_files", "run_name"]

_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".csv.gz", ".jsonl.gz")
_MAGIC = frozenset("*?[")
_STATE = "trainer_state.json"
# Names that tools give to the file of every run; its folder then names the run.
_COMMON = {"metrics", "trainer_state", "log", "logs", "history", "training", "train", "loss"}


def find_files(given: Any) -> tuple[list[Path], bool]:
    """Return the files, and whether a folder or pattern chose them.

    Raises ``FileNotFoundError`` if a file is missing, and ``ValueError`` if nothing is found.
    """
    if isinstance(given, str | PathLike):
        return _of_one(str(given))
    if not isinstance(given, Iterable):
        raise TypeError(
            f"path must be a file, folder, pattern or list of them; got {type(given).__name__}"
        )
    found = [_of_one(str(each)) for each in given]
    files = list(dict.fromkeys(path for paths, _ in found for path in paths))
    if not files:
        raise ValueError("path is an empty list; give at least one file")
    return files, any(chosen for _, chosen in found)


def run_name(path: Path) -> str:
    """Return a name for the run in a file: the file's, or the folder's if the file's is common.

    Examples
    --------
    >>> run_name(Path("logs/wsd.csv")), run_name(Path("logs/version_3/metrics.csv"))
    ('wsd', 'version_3')
    >>> run_name(Path("cosine/checkpoint-500/trainer_state.json"))
    'cosine'
    """
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    if stem.lower() not in _COMMON:
        return stem
    folder = path.resolve().parent
    if folder.name.startswith("checkpoint-"):
        folder = folder.parent
    return folder.name or stem


def _of_one(given: str) -> tuple[list[Path], bool]:
    if not given.strip():
        raise ValueError("path is empty; give a file, a folder or a pattern, such as '.'")
    check_local(given)
    path = Path(given)
    if path.is_dir():
        return _in_folder(path), True
    if path.exists():
        return [path], False
    if _MAGIC.intersection(given):
        start = Path(path.anchor)
        matching = start.glob(str(path.relative_to(start) if path.anchor else path))
        found = sorted(each for each in matching if each.is_file() and each.name[0] != ".")
        if not found:
            raise FileNotFoundError(f"no file matches '{given}'")
        return found, True
    raise FileNotFoundError(no_file(path))


def _in_folder(folder: Path) -> list[Path]:
    """Return a folder's logs, or those in folders below if it has none itself."""
    for paths in (folder.iterdir(), folder.rglob("*")):
        found = sorted(path for path in paths if path.is_file() and _is_log(path))
        if found:
            return _last_states(found)
    raise ValueError(
        f"the folder '{folder}' has no log: no file that ends in {', '.join(_SUFFIXES[:5])}, and "
        f"no {_STATE}"
    )


def _is_log(path: Path) -> bool:
    name = path.name.lower()
    return (name.endswith(_SUFFIXES) and not name.startswith(".")) or name == _STATE


def _last_states(paths: list[Path]) -> list[Path]:
    """Return the files without states of earlier checkpoints, whose rows the last one repeats."""
    latest: dict[Path, Path] = {}
    for path in paths:
        key = path
        if path.name == _STATE and path.parent.name.startswith("checkpoint-"):
            key = path.parent.parent
        elif path.name == _STATE:
            key = path.parent
        if key not in latest or _checkpoint(path) > _checkpoint(latest[key]):
            latest[key] = path
    return list(latest.values())


def _checkpoint(path: Path) -> float:
    number = path.parent.name.removeprefix("checkpoint-")
    return float(number) if number.isdigit() else float("inf")
