"""Read logged runs from the files that training tools write."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Literal, TypeVar

from isoloss._messages.near_misses import quoted, suggest
from isoloss.curves.assembling import curve_of
from isoloss.curves.gathering import LOSSES, Counting, Gathered, gathered
from isoloss.curves.log_files import find_files
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.numbers import count
from isoloss.curves.spellings import check_columns, nearest
from isoloss.schedules import Phase, Schedule

__all__ = ["read"]

T = TypeVar("T")
Path = str | PathLike[str]
Rates = float | Sequence[float] | Schedule | Phase

_TOLD_RUNS = 10


def read(
    path: Path | Iterable[Path],
    *,
    columns: Mapping[str, str] | None = None,
    runs: Iterable[str] | Mapping[str, str] | None = None,
    every: float = 1,
    steps_per_epoch: int | None = None,
    lr: Rates | Mapping[str, Rates] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    batch_size: int | Mapping[str, int] | None = None,
    warmup: int | Mapping[str, int] | None = None,
    loss_unit: Literal["nats", "bits"] | None = None,
    drop_spikes: bool = False,
) -> tuple[LossCurve, ...]:
    r"""Read logged runs.

    Files are CSV (with any usual delimiter), Parquet or JSON lines, with a run in each file or with
    a column ``run``. These are read as their tools write them:

    - Weights & Biases: the history of a run, and the CSV export of a chart (columns ``run -
      train/loss``). Charts of the loss and of the rate are joined by the run's name.
    - TensorBoard: the CSV of each scalar, named ``run-RUN-tag-TAG.csv`` by its dashboard, or by a
      name that ends in the scalar's, such as ``wsd_train_loss.csv``. Files of a run are joined.
    - Lightning's ``CSVLogger`` (``metrics.csv``), where losses and rates have rows of their own.
    - Keras's ``CSVLogger``, whose rows are epochs: give ``steps_per_epoch``. The rate of an epoch
      is that of all its steps, and its train loss is a mean over them.
    - ``trainer_state.json`` of Hugging Face's ``Trainer``, whose train losses are means over the
      steps before each row.

    Columns are found by their usual names; the ``notes`` of each curve say which were taken. A
    ``UserWarning`` says what was changed or looks odd (spikes, gaps, missing losses, smoothing).

    Parameters
    ----------
    path : path, or iterable of paths
        A file, a folder, a pattern such as ``"logs/*.csv"``, or several. Of a folder, all files
        that can be logs are read, or those in its subfolders if it has none itself; tables without
        losses are left out.
    columns : mapping, optional
        The names of columns that are not found, or are not the ones meant, by what they hold:
        ``"step"``, ``"epoch"``, ``"loss"``, ``"test_loss"``, ``"lr"`` and ``"run"``.
    runs : iterable of str, or mapping, optional
        The runs to read, by their names or those of their files. A mapping renames them; runs that
        get the same name are joined.
    every : float, default: 1
        How many units of the counter in the ``step`` column make an optimizer step: micro-batches
        with gradient accumulation, or tokens. Several rows in one step are averaged.
    steps_per_epoch : int, optional
        The number of optimizer steps in an epoch, for logs that count epochs.
    lr : float, array_like, Schedule, or mapping of runs to these, optional
        The rates, as `LossCurve` takes them, if the files do not have them or have wrong ones.
    weight_decay, batch_size, warmup : number, or mapping of runs to numbers, optional
        As for `LossCurve`.
    loss_unit : {"nats", "bits"}, optional
        The unit of the losses; bits are converted to nats. By default they are nats, unless the
        column's name says bits (``bpb``, ``bits_per_byte``).
    drop_spikes : bool, default: False
        Whether to leave out losses far above their neighbours. They are reported in any case.

    Returns
    -------
    tuple of LossCurve
        A curve for each run, in the order of the files and of their rows. Without a train loss, the
        held-out loss takes its place as ``loss``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is not a log, a column is missing or does not hold numbers, or a run is not a loss
        curve.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = ["trainer/global_step,train/loss,lr-AdamW", "0,3.2,0.0", "1,2.8,1e-3", "2,2.5,1e-3"]
    >>> _ = (folder / "base.csv").write_text("\n".join(rows))
    >>> (curve,) = read(folder)
    >>> curve
    LossCurve('base', 3 rows to step 2, loss from 3.200 to 2.500, peak lr 0.001)
    >>> curve.notes
    ("Columns: step is 'trainer/global_step', loss is 'train/loss', lr is 'lr-AdamW'.",)
    """
    chosen = check_columns(columns)
    if loss_unit not in ("nats", "bits", None):
        raise ValueError(f"loss_unit must be 'nats' or 'bits'; got {loss_unit!r}")
    if isinstance(every, bool) or not isinstance(every, int | float) or not 0 < every < math.inf:
        raise ValueError(f"every must be a positive number of units a step; got {every!r}")
    if steps_per_epoch is not None:
        steps_per_epoch = count("steps_per_epoch", steps_per_epoch, 1)
        if every != 1:
            raise ValueError(
                "every is for rows that count steps, and steps_per_epoch for rows that count "
                "epochs; give one of them"
            )
    files, by_pattern = find_files(path)
    counting = Counting(float(every), steps_per_epoch, loss_unit)
    found = _selected(gathered(files, chosen, counting, strict=not by_pattern), runs)
    if not found:
        raise ValueError(f"none of the {len(files)} files has a loss column")
    if steps_per_epoch is not None and not any(run.by_epoch for run in found):
        raise ValueError(
            "steps_per_epoch is given, but no file has a column of epochs; leave it out, or give "
            "columns={'epoch': NAME}"
        )
    _check_joined(found)
    known = [run.name for run in found]
    read_runs, told = [], []
    for run in found:
        settings = {
            "weight_decay": _of_run("weight_decay", weight_decay, run.name, known),
            "batch_size": _of_run("batch_size", batch_size, run.name, known),
            "warmup": _of_run("warmup", warmup, run.name, known),
        }
        rates = _of_run("lr", lr, run.name, known)
        curve, warned = curve_of(run, rates, settings, drop_spikes=drop_spikes)
        read_runs.append(curve)
        if warned:
            told.append(f"{run.name}: {' '.join(warned)}")
    if told:
        more = [f"and {len(told) - _TOLD_RUNS} more runs; see their notes"]
        lines = told[:_TOLD_RUNS] + (more if len(told) > _TOLD_RUNS else [])
        warnings.warn("\n".join(lines), UserWarning, stacklevel=2)
    return tuple(read_runs)


def _selected(
    found: list[Gathered], runs: Iterable[str] | Mapping[str, str] | None
) -> list[Gathered]:
    """Return the runs that are asked for, under their new names."""
    if runs is None:
        return found
    if isinstance(runs, str):
        runs = [runs]
    names = dict(runs) if isinstance(runs, Mapping) else {name: name for name in runs}
    if not names:
        raise ValueError("runs is empty; leave it out to read all of them")
    kept: dict[str, Gathered] = {}
    for asked, name in names.items():
        matching = [run for run in found if asked in (run.name, run.path.name)]
        if not matching:
            known = [run.name for run in found]
            raise ValueError(
                f"there is no run {asked!r}{suggest(str(asked), known)}; there are "
                f"{quoted(known, 12)}"
            )
        for run in matching:
            into = name if isinstance(runs, Mapping) else run.name
            held = kept.setdefault(into, Gathered(into, run.path, by_epoch=run.by_epoch))
            for part in ("frames", "names", "told", "changed"):
                getattr(held, part).extend(getattr(run, part))
    return list(kept.values())


def _check_joined(found: list[Gathered]) -> None:
    for run in found:
        have = {name for frame in run.frames for name in frame}
        if not have & set(LOSSES):
            raise ValueError(
                f"run '{run.name}' of '{run.path}' has no loss; its columns are "
                f"{quoted(run.names, 12)}{nearest('loss', run.names)}. Give the file of its loss "
                "as well, or columns={'loss': NAME}"
            )


def _of_run(title: str, given: T | Mapping[str, T] | None, run: str, known: list[str]) -> T | None:
    """Return what is given for one run, or for all runs alike."""
    if not isinstance(given, Mapping):
        return given
    if unknown := [name for name in given if name not in known]:
        raise ValueError(
            f"{title} is given for {unknown[0]!r}{suggest(str(unknown[0]), known)}, which is not "
            f"a run; there are {quoted(known, 12)}"
        )
    if run not in given:
        if title == "lr":
            return None
        raise ValueError(
            f"{title} is not given for run '{run}'; give it for all runs, or one number"
        )
    return given[run]
