"""Fill in missing values, encode texts and standardise columns with scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from isoloss._messages.near_misses import quoted, suggest

__all__ = [
    "UNFIT",
    "UNKNOWN",
    "Encode",
    "Impute",
    "Options",
    "Task",
    "constant_columns",
    "encoded",
    "feature_names",
    "learnt",
    "quiet",
    "texts_of",
    "transformers",
    "unknown_texts",
]

Impute = Literal["mean", "median", "most_frequent"]
"""The statistic of a column's train rows that replaces missing numbers."""

Encode = Literal["one-hot"]
"""How columns of text are encoded."""

Task = Literal["auto", "classification", "regression"]
"""How to treat a target."""

UNFIT = "too large or too small to standardise"
UNKNOWN = "Found unknown categories"
"""How scikit-learn's warning begins."""

_EPS = float(np.finfo(float).eps)
_CHOICES = {"impute": ("mean", "median", "most_frequent"), "encode": ("one-hot",)}


@dataclass(frozen=True)
class Options:
    """How missing values and texts are handled; see `split`."""

    drop_rows: bool = False
    impute: Impute | None = None
    encode: Encode | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            given = getattr(self, name)
            if given is not None and given not in choices:
                hint = suggest(str(given), choices)
                raise ValueError(
                    f"{name} must be None or one of {', '.join(map(repr, choices))}; "
                    f"got {given!r}{hint}"
                )


def transformers(frame: pd.DataFrame, impute: Impute | None) -> list[Any]:
    """Return pipeline steps that turn features into numbers of mean zero and variance one.

    Missing numbers are filled in if ``impute`` is given; a column of text becomes one column for
    each of its values, including a missing one. All steps learn from the rows they are fitted on.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts, numbers = list(frame.select_dtypes(object)), list(frame.select_dtypes(float))
    parts: list[tuple[str, Any, list[Any]]] = []
    if numbers:
        filled = SimpleImputer(strategy=impute, keep_empty_features=True) if impute else None
        parts.append(("numbers", filled or "passthrough", numbers))
    if texts:
        encoder = OneHotEncoder(handle_unknown="warn", sparse_output=False)
        parts.append(("texts", encoder, texts))
    scaler = StandardScaler()
    return [ColumnTransformer(parts), scaler] if texts or impute else [scaler]


def constant_columns(frame: pd.DataFrame, impute: Impute | None, name: str) -> list[str]:
    """Return the columns that do not vary in the train rows of ``name``.

    Numeric columns count as such if ``StandardScaler`` leaves them unscaled because their variance
    is only rounding. Raises ``ValueError`` if numbers are too large or small to be standardised.
    """
    texts = frame.select_dtypes(object)
    found = {str(each) for each in texts if texts[each].nunique(dropna=False) == 1}
    numbers = frame.select_dtypes(exclude=object)
    if numbers.shape[1]:
        steps = transformers(numbers, impute)
        filled = numbers.to_numpy() if len(steps) == 1 else steps[0].fit_transform(numbers)
        with np.errstate(all="ignore"):
            scaler = steps[-1].fit(filled)
            still = scaler.scale_ != np.sqrt(scaler.var_)
            spread = np.abs(filled[:, still] - scaler.mean_[still]).max(axis=0, initial=0.0)
        # columns that vary, but whose deviations are so small that their squares underflow
        lost = spread > len(frame) ** 1.5 * _EPS * np.abs(scaler.mean_[still])
        if lost.any() or not np.isfinite(scaler.var_).all():
            raise ValueError(f"the numbers in {name} are {UNFIT}")
        found |= {str(each) for each in numbers.columns[still]}
    return [str(each) for each in frame if str(each) in found]


def feature_names(pipeline: Any, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns that fitted `transformers` make of features."""
    names = [str(name) for name in frame.select_dtypes(exclude=object)]
    if len(names) < frame.shape[1]:
        names += map(str, pipeline[0].named_transformers_["texts"].get_feature_names_out())
    return tuple(names)


def learnt(model: Any) -> tuple[dict[str, list[Any]], bool]:
    """Return the texts that a fitted model encodes, by column, and whether it fills in numbers."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    steps: list[tuple[Any, list[Any]]] = []
    for step in model if isinstance(model, Pipeline) else ():
        inner = step.transformers_ if isinstance(step, ColumnTransformer) else ()
        steps += [(step, []), *((part, columns) for _, part, columns in inner)]
    texts = {
        str(name): list(values)
        for step, columns in steps
        if isinstance(step, OneHotEncoder) and columns
        for name, values in zip(columns, step.categories_, strict=True)
        if values.dtype == object
    }
    return texts, any(isinstance(step, SimpleImputer) for step, _ in steps)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep scikit-learn from warning about unknown texts; `unknown_texts` names them instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNKNOWN, UserWarning)
        yield


def texts_of(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the distinct texts in each column of text, with None for missing ones."""
    return {str(name): list(cells.unique()) for name, cells in frame.select_dtypes(object).items()}


def encoded(frame: pd.DataFrame) -> list[str]:
    """Return a sentence on how columns of text are encoded, if there are any."""
    counts = [f"'{name}' ({len(texts)})" for name, texts in texts_of(frame).items()]
    if not counts:
        return []
    missing = frame.select_dtypes(object).isna().any(axis=None)
    return [
        f"Text was one-hot encoded, a column for each value in the train rows: {', '.join(counts)}"
        f"{'; missing text counts as a value' if missing else ''}."
    ]


def unknown_texts(
    known: Mapping[str, Collection[Any]], frame: pd.DataFrame, rows: str, knows: str
) -> list[str]:
    """Return a sentence for each column in which some rows have unknown texts.

    ``rows`` is the word for one row; ``knows`` is the phrase, such as "no train row has", that says
    who does not know the texts.
    """
    notes = []
    for name, texts in known.items():
        new = frame[name][~frame[name].isin(list(texts))]
        if len(new):
            values = quoted([str(each) for each in new.dropna().unique()]) or "a missing one"
            notes.append(
                f"{len(new)} {rows}{'s have' if len(new) > 1 else ' has'} a value of '{name}' "
                f"that {knows} ({values}): it is encoded as none of the known values."
            )
    return notes
