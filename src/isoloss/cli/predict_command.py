"""isoloss predict: predict new rows with a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isoloss.cli.commands import reported
from isoloss.cli.options import TABLES, Header

__all__ = ["predict"]


def predict(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that isoloss fit --save has written.")
    ],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            autocompletion=TABLES,
            help="Rows with the model's features among their columns: a CSV, Parquet or NPZ file, "
            "or the name of a data set that comes with scikit-learn.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="Write the predictions here; by default they are printed."
        ),
    ] = None,
    header: Header = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over FILE.csv if it is there.")
    ] = False,
) -> None:
    """Predict new rows with a saved model.

    Columns are matched by name, and others are ignored. Missing values are filled in and text
    is encoded as in training. The result is a CSV file with one line for each row, in the same
    order.
    """
    from isoloss._files import check_file, write_text
    from isoloss._messages.near_misses import no_file
    from isoloss.datasets import load
    from isoloss.estimators.model_files import load_model

    with reported(context):
        if not model.exists():
            raise ValueError(no_file(model))
        if out is not None:
            if out.suffix.lower() != ".csv":
                raise ValueError(f"--out writes CSV: the name must end in .csv; got {out}")
            if Path(data).exists() and out.exists() and out.samefile(data):
                raise ValueError(f"--out would write over the rows to predict: {out}")
            check_file(out, force=force)
        table = load(data, header=header, features_only=True)
        lines, notes = _predictions(load_model(model), table, model)
        if out is not None:
            write_text(out, "".join(lines), new=not force)
    for note in notes:
        typer.echo(f"isoloss: note: {note}", err=True)
    if out is None:
        typer.echo("".join(lines), nl=False)
    else:
        typer.echo(f"Wrote {len(lines) - 1} predictions to {out}")


def _predictions(model: Any, table: Any, path: Path) -> tuple[list[str], list[str]]:
    """Return the lines of a CSV file with the predictions for a table, and notes."""
    import csv
    import io

    import numpy as np

    from isoloss._messages.near_misses import quoted, suggest
    from isoloss.datasets.preparing import learnt, quiet, unknown_texts
    from isoloss.datasets.rows import frame_to_predict

    features = [str(name) for name in getattr(model, "feature_names_in_", ())]
    if not features or not hasattr(model, "predict"):
        raise ValueError(f"{path} is no model with named features, as isoloss fit --save writes it")
    missing = [name for name in features if name not in table.frame]
    if missing:
        such = ", such as " if len(missing) > 1 else ": "
        raise ValueError(
            f"{table.name} lacks {len(missing)} of the model's {len(features)} features{such}"
            f"'{missing[0]}'{suggest(missing[0], list(table.frame))}; it has "
            f"{quoted(list(table.frame), 8)}"
        )
    texts, fills = learnt(model)
    frame = frame_to_predict(table, features, texts, fills=fills)
    notes = [*table.notes, *unknown_texts(texts, frame, "row", "the model does not know")]
    with quiet():
        try:
            found = model.predict(frame)
        except Exception as error:  # the model can raise anything
            raise ValueError(f"{path} cannot predict: {error}") from None
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"{path} predicts numbers that are not finite")
    rows = found[:, None] if found.ndim == 1 else found
    names = ["prediction"]
    if rows.shape[1] > 1:
        targets = getattr(model[-1], "target_names_", range(1, rows.shape[1] + 1))
        names = [f"prediction_{target}" for target in targets]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *rows.tolist()])
    return text.getvalue().splitlines(keepends=True), notes
