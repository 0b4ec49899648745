"""isoloss fit: train a model with the schedule and the stop that generalize best."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isoloss.cli.commands import reported
from isoloss.cli.completion import FAMILIES, PHASES, complete
from isoloss.cli.options import (
    DropRows,
    Encode,
    Header,
    Ignore,
    Impute,
    Levels,
    Rows,
    Target,
    Task,
    Unit,
)

if TYPE_CHECKING:
    from isoloss.estimators import ScheduleSearchCV

__all__ = ["fit"]


def fit(
    context: typer.Context,
    data: Rows,
    target: Target = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Rows to choose on, with the same columns as DATA, of the kind that the model is "
            "for. Without it, cross-validation on DATA chooses.",
        ),
    ] = None,
    header: Header = None,
    ignore: Ignore = None,
    task: Task = "auto",
    drop_rows: DropRows = False,
    impute: Impute = None,
    encode: Encode = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC|FAMILY|FILE",
            autocompletion=complete(PHASES, FAMILIES, files=(".json", ".csv")),
            help="A schedule to try; may be given several times: a text such as 'gd(1.0, 100) > "
            "flow', with rates in units of the largest stable one; a family whose best member is "
            "designed (rates, rates+flow, annealed, two-rate, decreasing, cosine, …); or a JSON or "
            "CSV file, with absolute rates. By default gradient flow, and 10 to 1000 steps at one "
            "rate with flow after them.",
        ),
    ] = None,
    levels: Levels = "50",
    unit: Unit = "absolute",
    folds: Annotated[
        int | None, typer.Option(min=2, help="Folds of the cross-validation; by default 5.")
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The score, by scikit-learn's name; by default R² or accuracy."
        ),
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A kernel by scikit-learn's name, such as rbf, laplacian or poly; by default the "
            "model is linear.",
        ),
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(help="The kernel's gamma; by default one over the number of features."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the folds.")] = 0,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.skops", help="Write the model here, for isoloss predict."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over FILE.skops if it is there.")
    ] = False,
) -> None:
    """Fit a model with the schedule and the stop that generalize best.

    Standardises the features, trains least squares (one-hot for classes) by each
    schedule to each stop, and keeps the model that scores best on the validation
    rows or, without them, in cross-validation. Each fold is decomposed once.
    """
    from isoloss._files import check_file
    from isoloss.cli.fit_output import show
    from isoloss.cli.waiting import progress
    from isoloss.datasets import labelled, load
    from isoloss.estimators.model_files import save_model
    from isoloss.levels.grid import parse

    with reported(context):
        if save is not None:
            if save.suffix.lower() != ".skops":
                raise ValueError(f"--save writes skops: the name must end in .skops; got {save}")
            check_file(save, force=force)
        _check(folds, validation, kernel, gamma)
        rows = labelled(
            load(data, header=header),
            None if validation is None else load(validation, header=header),
            target=target,
            task=task,
            ignore=ignore or (),
            drop_rows=drop_rows,
            impute=impute,
            encode=encode,
        )
        search = _search(
            rows, schedule, parse(levels), unit, folds or 5, scoring, kernel, gamma, seed
        )
        doing = f"fitting {len(rows.X)} rows"
        with progress(doing), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            search.fit(rows.X, rows.y)
        model = search.best_estimator_
        model[-1].target_names_ = list(rows.targets)
        if save is not None:
            save_model(model, save, force=force)
    show(rows, search, _notes(warned))
    if save is None:
        typer.echo("\nNothing was written; --save FILE.skops writes the model.")
    else:
        typer.echo(f"\nWrote the model to {save}; isoloss predict {save} DATA uses it.")


def _check(
    folds: int | None, validation: str | None, kernel: str | None, gamma: float | None
) -> None:
    """Refuse options that contradict each other."""
    if folds is not None and validation is not None:
        raise ValueError("give --folds or --validation, not both")
    if gamma is not None and kernel is None:
        raise ValueError("--gamma is for a kernel, such as --kernel rbf")
    if kernel == "precomputed":
        raise ValueError("--kernel precomputed needs kernels, not tables; use it in Python")


def _search(
    rows: Any,
    schedules: list[str] | None,
    levels: Any,
    unit: str,
    folds: int,
    scoring: str | None,
    kernel: str | None,
    gamma: float | None,
    seed: int,
) -> ScheduleSearchCV:
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    from isoloss.cli.schedules import named_schedules
    from isoloss.estimators import ScheduledClassifier, ScheduledRegressor, ScheduleSearchCV

    model = (ScheduledClassifier if rows.classes else ScheduledRegressor)(
        train_loss_unit=unit, kernel=kernel, gamma=gamma
    )
    splitter = StratifiedKFold if rows.classes else KFold
    search = ScheduleSearchCV(
        make_pipeline(*rows.preprocessing, model),
        levels=levels,
        cv=splitter(folds, shuffle=True, random_state=seed) if rows.validation is None else None,
        validation=rows.validation,
        scoring=scoring,
    )
    if schedules:
        search.schedules = named_schedules(schedules)
    return search


def _notes(warned: list[warnings.WarningMessage]) -> list[str]:
    """Return warnings as sentences, with all warnings about unknown text in folds as one."""
    from isoloss.datasets.preparing import UNKNOWN

    texts = dict.fromkeys(str(each.message) for each in warned)
    notes = [f"Note: {text}." for text in texts if not text.startswith(UNKNOWN)]
    if len(notes) < len(texts):
        notes.append(
            "Note: folds judge rows with values of text columns that their train rows do not have; "
            "there these are encoded as none of the known values."
        )
    return notes
