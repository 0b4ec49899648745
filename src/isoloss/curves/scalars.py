"""Which runs and metrics the columns of a file hold: one run, or a chart with a column per run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isoloss.curves.spellings import ROLES, roles_of

__all__ = ["Part", "parts_of"]

_TENSORBOARD = {"wall time", "step", "value"}
_DOWNLOADED = re.compile(r"run[-_](?P<run>.*)-tag-(?P<tag>.+)")  # as TensorBoard names its files
_COPY = re.compile(r" ?\(\d+\)$")  # how browsers number a second download of a file
_SPLIT = re.compile(
    r"(?:(?P<run>.+)[-_. /])?(?P<split>train(?:ing)?|val(?:id(?:ation)?)?|eval|test)"
)
_CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<range>__MIN|__MAX)?")


@dataclass(frozen=True)
class Part:
    """What a file holds of one run: its metrics, by name, and the column of each.

    ``run`` is None if the file does not name it. ``ranges`` are pairs of columns with the smallest
    and the largest of the values whose mean a chart shows.
    """

    run: str | None
    columns: Mapping[str, str]
    ranges: tuple[tuple[str, str], ...] = ()


def parts_of(path: Path, names: Sequence[str], columns: Mapping[str, str]) -> list[Part]:
    """Return the runs in a file with these columns.

    Raises ``ValueError`` for a file of TensorBoard whose name does not say what it holds.
    """
    if {name.lower() for name in names} == _TENSORBOARD:
        return [_tensorboard(path, names, columns)]
    found, _ = roles_of(names, columns)
    if {"loss", "test_loss"} & set(found):
        return [Part(None, {name: name for name in names})]
    return _chart(names) or [Part(None, {name: name for name in names})]


def _tensorboard(path: Path, names: Sequence[str], columns: Mapping[str, str]) -> Part:
    """Return the scalar of a file that TensorBoard's dashboard downloads."""
    step, value = (next(n for n in names if n.lower() == each) for each in ("step", "value"))
    stem = _COPY.sub("", path.name.removesuffix(".gz").rpartition(".")[0])
    chosen = [role for role in ROLES if columns.get(role) == value]
    if match := _DOWNLOADED.fullmatch(stem):
        run, tag = match["run"], match["tag"]
        by_epoch = tag.startswith("epoch_")
        tag = tag.removeprefix("epoch_")
        if split := _SPLIT.fullmatch(run):  # Keras writes a run for each split
            run = split["run"] or ""
            if not split["split"].startswith("train") and "loss" in roles_of([tag], {})[0]:
                tag = "val_loss"
    elif chosen:
        return Part(None, {step: step, value: value})
    else:
        (run, tag), by_epoch = _guessed(stem), False
        if not tag:
            raise ValueError(
                f"'{path}' has one scalar of TensorBoard, but its name does not say which: keep "
                "the name run-RUN-tag-TAG.csv of the download, end it in a name such as train_loss "
                "or lr, or give columns={'loss': 'Value'}"
            )
    counter = "epoch" if by_epoch else "step"
    return Part(run.strip("-_. ") or path.resolve().parent.name, {counter: step, tag: value})


def _guessed(stem: str) -> tuple[str, str]:
    """Return the run and the metric of a name such as wsd_train_loss, or empty texts."""
    for place in (0, *(m.end() for m in re.finditer(r"[-_. ]", stem))):
        found, _ = roles_of([stem[place:]], {})
        if set(found) & {"loss", "test_loss", "lr"}:
            return stem[:place], stem[place:]
    return "", ""


def _chart(names: Sequence[str]) -> list[Part]:
    """Return the runs of a chart that Weights & Biases exports: columns "run - metric"."""
    runs: dict[str, dict[str, str]] = {}
    ranges: dict[str, dict[str, str]] = {}
    counters = {name: name for name in names if _CHART.fullmatch(name) is None}
    for name in names:
        if not (match := _CHART.fullmatch(name)):
            continue
        if match["range"]:
            ranges.setdefault(name.removesuffix(match["range"]), {})[match["range"]] = name
        else:
            runs.setdefault(match["run"], {})[match["metric"]] = name
    return [
        Part(
            run,
            counters | metrics,
            tuple(
                (ranges[name]["__MIN"], ranges[name]["__MAX"])
                for name in metrics.values()
                if len(ranges.get(name, ())) == 2
            ),
        )
        for run, metrics in runs.items()
    ]
