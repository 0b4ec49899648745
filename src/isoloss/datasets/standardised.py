"""Standardise train and other rows by the train rows, with notes on what was done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import make_pipeline

from isoloss._messages.near_misses import quoted
from isoloss.datasets.preparing import (
    UNFIT,
    Options,
    constant_columns,
    encoded,
    feature_names,
    quiet,
    texts_of,
    transformers,
    unknown_texts,
)
from isoloss.datasets.rows import TableRows
from isoloss.datasets.targets import Encoded

__all__ = ["Indices", "Split", "standardise"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Split:
    """Train and test arrays as `Problem.from_data` takes them, standardised by the train rows.

    Attributes
    ----------
    name : str
        The data set's name.
    X, y : array
        Train inputs (n, d) and targets (n, m), both with mean zero.
    X_test, y_test : array
        The test rows, transformed by the train rows' statistics.
    offset : array, shape (m,)
        The train mean of the targets, which must be added to predictions.
    features, targets : tuple of str
        Names of the columns, with ``NAME_VALUE`` for each value of encoded text. Targets that are
        classes have their labels as names.
    classes : bool
        Whether the targets are one-hot classes.
    notes : tuple of str
        Sentences on what was done.
    """

    name: str
    X: Floats
    y: Floats
    X_test: Floats
    y_test: Floats
    offset: Floats
    features: tuple[str, ...]
    targets: tuple[str, ...]
    classes: bool
    notes: tuple[str, ...]

    def test_error(self, coef: npt.ArrayLike) -> Floats:
        """Return the share of test rows that coefficients misclassify.

        Parameters
        ----------
        coef : array_like, shape (..., d, m)
            Coefficients, with any leading axes.

        Returns
        -------
        array
            The shares, of the leading axes' shape; NaN where a prediction is not finite.

        Raises
        ------
        ValueError
            If the targets are not classes.
        """
        if not self.classes:
            raise ValueError(
                "the test error is defined for classes only; the targets of this data set are "
                "numbers"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.X_test @ np.asarray(coef, dtype=float) + self.offset
        truth = (self.y_test + self.offset).argmax(axis=-1)
        wrong = (scores.argmax(axis=-1) != truth).mean(axis=-1)
        return np.where(np.isfinite(scores).all(axis=(-2, -1)), wrong, np.nan)

    def __repr__(self) -> str:
        (n, d), m = self.X.shape, len(self.targets)
        return (
            f"Split({self.name!r}, {n} train and {len(self.X_test)} test rows, "
            f"{d} features, {m} {'classes' if self.classes else 'target' + 's' * (m > 1)})"
        )


def standardise(
    rows: TableRows,
    encoded_targets: Encoded,
    train: Indices,
    others: dict[str, tuple[Indices, str]],
    options: Options,
) -> list[Split]:
    """Standardise all rows by the train rows; return one split for each kind of other rows."""
    name = rows.source.name
    outputs, labels, notes = encoded_targets
    total = sum(len(part) for part, _ in others.values())
    if len(train) < 2 or not all(len(part) for part, _ in others.values()):
        needed = " and ".join(["2 train rows", *(f"1 {kind} row" for kind in others)])
        raise ValueError(f"at least {needed} are needed; {name} gives {len(train)} and {total}")
    constant = constant_columns(rows.features.iloc[train], options.impute, name)
    features = rows.features.drop(columns=constant)
    if not features.shape[1]:
        raise ValueError(f"no feature of {name} varies in the train rows")
    X = features.iloc[train]
    pipeline = make_pipeline(*transformers(X, options.impute))
    with quiet(), np.errstate(all="ignore"):
        X_train = np.asarray(pipeline.fit_transform(X))
        X_others = [
            np.asarray(pipeline.transform(features.iloc[part])) for part, _ in others.values()
        ]
    y, offset = _centred(rows, outputs, train)
    for array in (X_train, *X_others, y):
        if not np.isfinite(array).all():
            raise ValueError(f"the numbers in {name} are {UNFIT}")
    counts = "; ".join(
        f"{len(part)} {kind} rows, {origin}" for kind, (part, origin) in others.items()
    )
    left_out = f"; {quoted(constant)} left out, constant in the train rows" if constant else ""
    known, kinds = texts_of(X), others.items()
    all_notes = (
        notes[0],
        f"{len(train)} train rows; {counts}.",
        f"{X_train.shape[1]} features, standardised by the train rows{left_out}.",
        "Targets centred by their train mean, which solves for the intercept exactly.",
        *_shares(rows, y[train], labels is not None),
        *notes[1:],
        *rows.notes,
        *encoded(X),
        *(
            note
            for kind, (part, _) in kinds
            for note in unknown_texts(known, features.iloc[part], f"{kind} row", "no train row has")
        ),
        *(note for kind, (part, _) in kinds for note in rows.repeats(train, part, kind)),
    )
    return [
        Split(
            name=name,
            X=X_train,
            y=y[train],
            X_test=X_test,
            y_test=y[part],
            offset=offset,
            features=feature_names(pipeline, X),
            targets=labels or tuple(map(str, rows.targets)),
            classes=labels is not None,
            notes=all_notes,
        )
        for X_test, (part, _) in zip(X_others, others.values(), strict=True)
    ]


def _shares(rows: TableRows, y: Floats, classes: bool) -> list[str]:
    """Return a note on each target's share of the loss, since targets differ in scale."""
    if classes or y.shape[1] == 1:
        return []
    largest = np.abs(y).max()
    squares = ((y / largest) ** 2).sum(axis=0)
    shares = ", ".join(
        f"{share:.3g}% '{target}'"
        for target, share in zip(rows.targets, 100 * squares / squares.sum(), strict=True)
    )
    return [f"Losses are summed over the targets, as they are, unscaled: at the start {shares}."]


def _centred(rows: TableRows, outputs: Floats, train: Indices) -> tuple[Floats, Floats]:
    """Return all targets less their train mean, and this mean."""
    known = outputs[train]
    if not (known != known[0]).any():
        raise ValueError(f"the target {quoted(list(rows.targets))} is constant in the train rows")
    with np.errstate(over="ignore", invalid="ignore"):
        offset = known.mean(axis=0)
        return outputs - offset, offset
