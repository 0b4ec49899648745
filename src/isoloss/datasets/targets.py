"""Encode targets, which are numbers or classes, as an array."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd

from isoloss._messages.near_misses import quoted
from isoloss.datasets.preparing import Task
from isoloss.datasets.rows import TableRows

__all__ = ["Encoded", "encode_targets"]

Floats = npt.NDArray[np.float64]
Encoded = tuple[Floats, tuple[str, ...] | None, tuple[str, ...]]
"""Targets (n, m), the labels if they are classes, and notes."""

_MAX_AUTO_CLASSES = 20


def encode_targets(rows: TableRows, task: Task) -> Encoded:
    """Return all rows' targets (n, m), the labels if they are classes, and notes."""
    names, source = list(rows.targets), rows.source
    texts = [name for name in names if rows.targets[name].dtype == object]
    reason = "as asked"
    if task == "auto":
        task, reason = _decide(rows, texts)
    title = f"{'Target' if len(names) == 1 else 'Targets'} {quoted(names)}"
    if task == "regression":
        if texts:
            cells = rows.targets[texts[0]]
            row = int(pd.to_numeric(cells, errors="coerce").isna().argmax())
            raise ValueError(
                f"the target {quoted(texts)} holds text, such as {str(cells[row])!r} in data row "
                f"{row + 1}; regression needs numbers"
            )
        return rows.targets.to_numpy(float), None, (f"{title}: regression ({reason}).",)
    if len(names) > 1:
        raise ValueError(f"classification needs one target; {source.name} has {quoted(names)}")
    written, classes = rows.written(names[0]), _classes(rows, names[0], is_text=bool(texts))
    labels = tuple(classes["text"])
    notes = [f"{title}: classification, one-hot, {len(labels)} classes ({reason})."]
    one_hot = np.eye(len(labels))[pd.Index(labels).get_indexer(written)]
    if source.classes is not None:
        labels = tuple(source.classes[int(value)] for value in classes["number"])
    else:
        notes += _same_number(rows, names[0], classes)
    return one_hot, labels, tuple(notes)


def _classes(rows: TableRows, name: str, *, is_text: bool) -> pd.DataFrame:
    """Return the distinct labels as numbers and texts: first numbers, then texts, each in order."""
    written, numbers = rows.written(name), pd.to_numeric(rows.targets[name], "coerce")
    classes = pd.DataFrame({"number": numbers, "text": written}).drop_duplicates()
    if len(classes) > max(2, len(written) / 2):
        id_or_date = "choose another target, if this is an ID or a date"
        raise ValueError(
            f"the target '{name}' has {len(classes)} different values in {len(written)} "
            f"rows, such as {written.iloc[0]!r}: too many for classes; "
            f"{id_or_date if is_text else 'choose task regression'}"
        )
    return classes.sort_values(["number", "text"])


def _decide(rows: TableRows, texts: list[str]) -> tuple[Task, str]:
    """Choose the task; return it with the reason."""
    from sklearn.utils.multiclass import type_of_target

    source, names = rows.source, list(rows.targets)
    if source.shipped:
        return "classification" if source.classes else "regression", "the data set says so"
    if len(names) > 1:
        return "regression", "several targets"
    cells = rows.targets[names[0]]
    if texts:
        return "classification", "the target is text"
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        # scikit-learn warns about many classes, which are a regression by the rule below
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        if type_of_target(cells.to_numpy()).startswith("continuous"):
            return "regression", "not whole numbers"
    distinct = rows.written(names[0]).nunique()
    if distinct > min(_MAX_AUTO_CLASSES, max(2, len(cells) / 2)):
        return "regression", f"{distinct} distinct values"
    return "classification", f"{distinct} distinct whole numbers; or choose task regression"


def _same_number(rows: TableRows, name: str, classes: pd.DataFrame) -> list[str]:
    """Note labels that write the same number in different ways; refuse them across files."""
    twins = classes[classes["number"].notna() & classes.duplicated("number", keep=False)]
    known = rows.written(name)[: rows.counts[0]]
    for number, text in zip(twins["number"], twins["text"], strict=True):
        others = [each for each in twins["text"][twins["number"] == number] if each in set(known)]
        if text not in set(known) and others:
            raise ValueError(
                f"a label of the target '{name}' is written {others[0]!r} in {rows.source.name} "
                f"and {text!r} in the other rows; write each label the same way in all files"
            )
    if not len(twins):
        return []
    return [f"Labels are kept as written: {quoted(list(twins['text']))} are different classes."]
