"""The rows of each run, gathered from all files that hold a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from isoloss._messages.near_misses import distinct, quoted, suggest
from isoloss.curves.counters import steps_of_counter, steps_of_epochs
from isoloss.curves.json_logs import JSONLog
from isoloss.curves.log_files import run_name
from isoloss.curves.log_tables import DelimitedLog, LogTable, ParquetLog
from isoloss.curves.scalars import Part, parts_of
from isoloss.curves.spellings import in_bits, nearest, roles_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Counting", "Gathered", "gathered"]

LOSSES = ("loss", "test_loss")


@dataclass(frozen=True)
class Counting:
    """How rows are counted, and the unit of losses; None leaves it to the columns' names."""

    every: float
    steps_per_epoch: int | None
    loss_unit: Literal["nats", "bits"] | None


@dataclass
class Gathered:
    """The parts of one run: frames with those of the columns step, loss, test_loss, lr that exist.

    ``told`` has notes on what was guessed, and ``changed`` has notes on how rows were changed.
    """

    name: str
    path: Path
    frames: list[pd.DataFrame] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    by_epoch: bool = False


def gathered(
    paths: Sequence[Path], columns: Mapping[str, str], counting: Counting, *, strict: bool
) -> list[Gathered]:
    """Return the rows of each run, from all files.

    Parts of a run are joined if files name it, in a column, in a chart or as TensorBoard does; a
    file that names no run is a run of its own. Files without a loss or a rate raise ``ValueError``
    if ``strict``, and are left out otherwise.
    """
    implied = dict(zip(paths, _implied_names(paths), strict=True))
    runs: dict[str, Gathered] = {}
    seen: list[str] = []
    for path in paths:
        table = _open(path, columns)
        seen += [name for name in table.names if name not in seen]
        for part in parts_of(path, table.names, columns):
            found, others = roles_of(list(part.columns), columns)
            if not {*LOSSES, "lr"} & set(found):
                if strict and part.run is None:
                    raise ValueError(
                        f"'{path}' has no loss column; its columns are {quoted(table.names, 12)}"
                        + (nearest("loss", table.names) or "; give columns={'loss': NAME}")
                    )
                continue
            if counting.steps_per_epoch is not None and "epoch" in found:
                found.pop("step", None)
            if not {"step", "epoch"} & set(found):
                raise ValueError(
                    f"'{path}' has no step column; its columns are {quoted(table.names, 12)}"
                    f"{nearest('step', table.names)}; give columns={{'step': NAME}}, and every=N "
                    "if it counts N tokens or micro-batches per step"
                )
            for name, frame in _frames(table, part, found, implied[path]):
                run = runs.setdefault(name, Gathered(name, path))
                run.names += [each for each in part.columns if each not in run.names]
                _add(run, frame, part, found, others, counting)
                run.told += [note for note in table.notes if note not in run.told]
    for role, column in columns.items():
        if column not in seen and not any(column in run.names for run in runs.values()):
            raise ValueError(
                f"columns[{role!r}] is {column!r}, but there is no such column"
                f"{suggest(column, seen)}; there are {quoted(seen, 12)}"
            )
    return list(runs.values())


def _open(path: Path, columns: Mapping[str, str]) -> LogTable:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        return ParquetLog(path)
    if name.endswith((".json", ".jsonl", ".ndjson")):
        return JSONLog(path, columns)
    return DelimitedLog(path)


def _implied_names(paths: Sequence[Path]) -> list[str]:
    names = [run_name(path) for path in paths]
    folders = [path.resolve().parent.name for path in paths]
    longer = [
        name if names.count(name) == 1 or folder == name else f"{folder}/{name}"
        for name, folder in zip(names, folders, strict=True)
    ]
    return distinct(longer)


def _frames(
    table: LogTable, part: Part, found: Mapping[str, str], implied: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the rows of each run in a part of a file; roles name the columns."""
    counted = "step" if "step" in found else "epoch"
    roles = [role for role in (counted, *LOSSES, "lr") if role in found]
    ranges = [name for pair in part.ranges for name in pair]
    numbers = [part.columns[found[role]] for role in roles]
    label = part.columns[found["run"]] if "run" in found else None
    frame = table.read([*numbers, *ranges], label)
    frame = frame.rename(columns=dict(zip(numbers, roles, strict=True)))
    if label is None:
        yield part.run or implied, frame
        return
    if frame[label].isna().any():
        row = int(frame[label].isna().to_numpy().argmax())
        raise ValueError(
            f"column '{label}' of '{table.path}' is empty in row {row + 1}; every row needs its run"
        )
    for name, rows in frame.groupby(label, sort=False, observed=True):
        yield str(name), rows.drop(columns=label).reset_index(drop=True)


def _add(
    run: Gathered,
    frame: pd.DataFrame,
    part: Part,
    found: Mapping[str, str],
    others: Mapping[str, list[str]],
    counting: Counting,
) -> None:
    """Add rows to a run, counted in steps and with losses in nats."""
    for low, high in part.ranges:
        if (frame[low] < frame[high]).any():
            run.changed.append(
                f"'{part.run} - {found.get('loss', low)}' was exported from a chart that shows "
                "means over several rows; export the run's history to get the rows as logged."
            )
            break
    frame = _in_steps(run, frame, part, found, counting)
    for role in LOSSES:
        if role in frame and _is_in_bits(found[role], counting):
            frame[role] *= np.log(2)
            run.changed.append(f"'{found[role]}' is in bits, and was multiplied by ln 2.")
    counted = "step" if "step" in found else "epoch"
    used = {role: found[role] for role in (counted, *LOSSES, "lr") if role in found}
    run.told.append(
        "Columns: " + ", ".join(f"{role} is '{name}'" for role, name in used.items()) + "."
    )
    run.told += [
        f"{quoted(names)} would also fit as {role}; give columns={{{role!r}: NAME}} to choose."
        for role, names in others.items()
        if role in used
    ]
    if found.get("step") == "_step" or (found.get("step") == "Step" and part.run is not None):
        run.told.append(
            f"'{found['step']}' of Weights & Biases counts calls of wandb.log, which are optimizer "
            "steps only if each step logs once, or passes step=."
        )
    run.frames.append(frame)


def _in_steps(
    run: Gathered, frame: pd.DataFrame, part: Part, found: Mapping[str, str], counting: Counting
) -> pd.DataFrame:
    """Return the rows of a run, with the optimizer steps done as ``step``."""
    counted = "step" if "step" in frame else "epoch"
    frame = frame[[name for name in (counted, *LOSSES, "lr") if name in frame]]
    uncounted = frame[counted].isna()
    lost = int(frame[uncounted].notna().any(axis=1).sum())
    if lost:
        run.changed.append(
            f"{lost} of {len(frame)} rows have no number in '{found[counted]}', and were left out."
        )
    frame = frame[~uncounted]
    if part.run is not None:  # a chart also has rows in which only other runs have values
        frame = frame.dropna(subset=[name for name in frame if name != counted], how="all")
    counter = frame[counted].to_numpy()
    if counted == "epoch":
        if counting.steps_per_epoch is None:
            raise ValueError(
                f"the rows of '{run.path}' count epochs ('{found['epoch']}'), not optimizer steps; "
                "give steps_per_epoch=N"
            )
        run.by_epoch = True
        steps, notes = steps_of_epochs(counter, counting.steps_per_epoch, found["epoch"])
        run.told += notes
        if "loss" in found:
            run.told.append("Train losses of epochs are usually means over the epoch, as in Keras.")
    else:
        steps, notes = steps_of_counter(counter, counting.every, found["step"])
        run.changed += [note for note in notes if note not in run.changed]
    frame = frame.assign(step=steps).drop(columns="epoch", errors="ignore")
    if counting.every != 1 and frame["step"].duplicated().any():
        blocks = (frame["step"] != frame["step"].shift()).cumsum()
        frame = frame.groupby(blocks, sort=False).mean().reset_index(drop=True)
    return frame


def _is_in_bits(name: str, counting: Counting) -> bool:
    if counting.loss_unit is None:
        return in_bits(name)
    return counting.loss_unit == "bits"
