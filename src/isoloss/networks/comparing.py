"""Train models by several schedules, and compare them at equal train loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._files import OutputError, locked
from isoloss._messages.near_misses import suggest
from isoloss.curves.matching import check_settings
from isoloss.curves.numbers import count
from isoloss.networks.batches import RowArrays, read_data
from isoloss.networks.checks import (
    check_modes,
    check_outputs,
    planned_rates,
    read_device,
    read_seeds,
    weight_decay_of,
)
from isoloss.networks.fresh_models import FreshModels
from isoloss.networks.gathered_curves import compared_at_levels
from isoloss.networks.loading import load_torch
from isoloss.networks.losses import read_loss
from isoloss.networks.pairing import check_pairs, check_seeds
from isoloss.networks.plans import TrainingPlan, read_plans
from isoloss.networks.run_folder import RunFolder
from isoloss.networks.seeded import seeded
from isoloss.networks.tensors import converted, number_kind
from isoloss.networks.trained_comparison import TrainedComparison
from isoloss.networks.trained_run import LoggedRow, ModelTrainer

__all__ = ["compare"]

Floats = npt.NDArray[np.float64]
Rows = Sequence[LoggedRow]

_MEASURED = 200  # measurements of the shortest run, by default


def compare(
    make_model: Callable[[], Any],
    data: Any,
    schedules: Mapping[str, Any],
    *,
    seeds: int | Sequence[int] = 5,
    levels: int | npt.ArrayLike = 12,
    loss: str | Callable[[Any, Any], Any] = "mse",
    batch_size: int | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    steps: int | None = None,
    every: int | None = None,
    rows: int = 2000,
    reference: str | None = None,
    confidence: float = 0.9,
    device: Any = "cpu",
    folder: str | PathLike[str] | None = None,
    progress: bool = True,
) -> TrainedComparison:
    r"""Train a PyTorch model by several schedules, and compare test losses at equal train loss.

    This is the paper's protocol on real training. Each schedule trains a new model with each seed.
    The runs of one seed start from the same weights, see the same batches in the same order, and
    draw the same dropout masks; they differ in the schedule alone. Losses are measured on fixed
    rows, the same for all runs, in evaluation mode (batch norm by its running statistics, no
    dropout): the loss of single batches is noisy, and first falls below a level too early.
    `isoloss.curves.match` then compares the runs, with intervals over the paired seeds.

    Parameters
    ----------
    make_model : callable
        A function that returns a new `torch.nn.Module` in each call, in the mode in which it is
        trained. It is called with PyTorch's, NumPy's and Python's random numbers seeded; the
        user's own are left as they were.
    data : tuple
        Arrays or tensors (X, y, X_test, y_test), or two `torch.utils.data.DataLoader`, of train and
        test rows. With arrays, each pass takes the rows in a new random order, and leaves out the
        last ones if they do not fill a batch. Loaders are seeded for each run. If their batches
        still differ between schedules, an error says so.
    schedules : mapping of str to schedules
        At least two, each of which is a `Schedule` or phase; a text such as ``"gd(0.1, 1000)"``,
        whose rates are absolute here; or a function that builds a scheduler of PyTorch on an
        optimizer, for which ``steps`` is needed.
    seeds : int or sequence of int, default: 5
        How many seeds, or the seeds themselves; 3 stands for 0, 1 and 2. With one seed, intervals
        leave out the variation between seeds.
    levels : int or array_like, default: 12
        The train losses to compare at, or how many there are, as for `isoloss.curves.match`.
    loss : {"mse", "cross_entropy"} or callable, default: "mse"
        ``"mse"`` is the mean over rows of the squared error, summed over outputs, as everywhere in
        isoloss. A function takes outputs and targets, and returns the mean over rows.
    batch_size : int, optional
        The rows of a batch of arrays; by default all of them.
    optimizer : callable, optional
        A function that makes an optimizer from ``model.parameters()``, such as ``lambda parameters:
        torch.optim.AdamW(parameters, lr=1e-3)``; by default plain SGD with rate 1, which a
        `Schedule` replaces.
    steps : int, optional
        The number of steps of schedules that are functions.
    every : int, optional
        The steps from one measurement to the next; by default 1/200 of the shortest run.
    rows : int, default: 2000
        The most train rows, and test rows, that losses are measured on. They are drawn at random
        once, and are the same in all runs.
    reference : str, optional
        The schedule that the others are compared with: by default the first with a constant rate,
        else the first.
    confidence : float, default: 0.9
        The probability with which each interval, taken by itself, covers its true value.
    device : str or torch.device, default: "cpu"
        Where to train: ``"cpu"`` or ``"cuda"``.
    folder : path, optional
        A folder that keeps each finished run as a CSV file. After an interruption, the same call
        goes on with the runs that are missing. Schedules and seeds may be added. ``isoloss match``
        and ``isoloss forecast`` read the folder.
    progress : bool, default: True
        Whether to show a bar on a terminal.

    Returns
    -------
    TrainedComparison
        The runs, and the test losses, differences, intervals and verdicts at each level.

    Raises
    ------
    ValueError
        If an argument is out of range, shapes do not fit, batches or initial weights differ between
        schedules, two seeds give the same run, CUDA is asked for and absent, or the folder holds
        runs of other settings.
    TypeError
        If an argument has the wrong type.
    ImportError
        If PyTorch is not installed.

    Notes
    -----
    A run whose loss is no longer finite ends there, and the others go on.

    The same call gives the same numbers on one machine with the same number of threads. On CUDA,
    ``torch.use_deterministic_algorithms(True)`` is needed, too.

    Examples
    --------
    >>> import pytest; torch = pytest.importorskip("torch", reason="the extra torch")
    >>> import numpy as np, isoloss as il
    >>> rng = np.random.default_rng(0)
    >>> X, X_test = rng.normal(size=(40, 3)), rng.normal(size=(200, 3))
    >>> y, y_test = np.sin(X[:, 0]), np.sin(X_test[:, 0])
    >>> def mlp():
    ...     layers = torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
    ...     return torch.nn.Sequential(*layers)
    >>> plans = {"small": il.GradientDescent(0.02, 150), "large": il.GradientDescent(0.1, 60)}
    >>> found = compare(mlp, (X, y, X_test, y_test), plans, seeds=2, levels=3, batch_size=10)
    >>> found
    TrainedComparison(4 runs of small, large)
    >>> found.match
    Match(2 runs at 3 train losses from 0... to 0..., reference 'small')
    """
    found_device = read_device(device)
    check_modes(found_device)
    models = FreshModels(make_model)
    rule = read_loss(loss)
    if steps is not None:
        steps = count("steps", steps, 1)
    plans = read_plans(schedules, steps)
    chosen = read_seeds(seeds)
    check_settings(levels, confidence)
    if reference is not None and reference not in (names := [plan.name for plan in plans]):
        near = suggest(str(reference), names)
        raise ValueError(f"reference must be the name of a schedule; got {reference!r}{near}")
    every = max(1, min(plan.steps for plan in plans) // _MEASURED) if every is None else every
    with seeded(chosen[0]):
        first = models().to(found_device)
        made = optimizer or _plain
        shown, rates = planned_rates(first, plans, made)
        weight_decay = weight_decay_of(made(first.parameters()))
    convert = partial(converted, device=found_device, kind=number_kind(first), loss=rule.name)
    asked = None if batch_size is None else count("batch_size", batch_size, 1)
    source = read_data(data, asked, count("rows", rows, 1), convert)
    trainer = ModelTrainer(models, source, rule, made, found_device, count("every", every, 1))
    pairs = [source.train, source.test]
    check_outputs(first, [*pairs, source.rows] if isinstance(source, RowArrays) else pairs, rule)
    del first
    size = source.batch_size if isinstance(source, RowArrays) else data[0].batch_size
    settings = {
        "loss": rule.name,
        "batch_size": size,
        "every": every,
        "rows": [len(source.train[0]), len(source.test[0])],
        "optimizer": shown,
        "data": source.fingerprint,
    }
    logs: dict[str, dict[int, Rows]] = {plan.name: {} for plan in plans}
    try:
        with contextlib.ExitStack() as stack:
            kept = None
            if folder is not None:
                path = Path(folder)
                stack.enter_context(locked(path))
                kept = RunFolder(path, settings, rates)
            advance = stack.enter_context(_bar(plans, len(chosen), shown=progress))
            for seed in chosen:
                _train_seed(trainer, plans, rates, seed, kept, logs, advance)
    except OutputError as error:
        raise ValueError(str(error)) from None
    made_of = {"batch_size": size, "weight_decay": weight_decay}
    return compared_at_levels(logs, rates, made_of, levels, reference, confidence)


def _train_seed(
    trainer: ModelTrainer,
    plans: Sequence[TrainingPlan],
    rates: Mapping[str, Floats],
    seed: int,
    kept: RunFolder | None,
    logs: dict[str, dict[int, Rows]],
    advance: Callable[[str, int], None],
) -> None:
    """Train a model by each schedule, unless the run is there, into ``logs``."""
    seen: dict[int, tuple[str, int]] = {}
    held = {plan.name: kept.load(plan.name, seed, plan.steps) if kept else None for plan in plans}
    start = trainer.start(seed) if any(held.values()) else None
    for plan in plans:
        title = f"{plan.name}, seed {seed}"
        found: Rows | None = held[plan.name]
        if found is None:
            done = 0

            def logged(row: LoggedRow, plan: TrainingPlan = plan, title: str = title) -> None:
                nonlocal done
                check_pairs(plan.name, seed, row, seen)
                advance(title, row.step - done)
                done = row.step

            found = trainer.trained(plan, seed, logged)
            if kept is not None:
                kept.save(plan.name, seed, found, rates[plan.name])
            advance(title, plan.steps - done)
        else:
            if kept is not None and start is not None:
                kept.check_start(plan.name, seed, found[0], start)
            for row in found:
                check_pairs(plan.name, seed, row, seen)
            advance(title, plan.steps)
        check_seeds(plan.name, seed, found, logs[plan.name])
        logs[plan.name][seed] = found


@contextlib.contextmanager
def _bar(
    plans: Sequence[TrainingPlan], seeds: int, *, shown: bool
) -> Iterator[Callable[[str, int], None]]:
    """Show a bar over all steps on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not (shown and console.is_terminal)
    ) as bar:
        task = bar.add_task("Training", total=seeds * sum(plan.steps for plan in plans))

        def advance(title: str, steps: int) -> None:
            bar.update(task, advance=steps, description=title)

        yield advance


def _plain(parameters: Any) -> Any:
    return load_torch().optim.SGD(parameters, lr=1.0)
