"""Read a text file's columns; one column can settle how another writes its numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isoloss.datasets.array_files import changed_by_floats
from isoloss.datasets.csv_source import Source
from isoloss.datasets.texts import TextColumn, read_texts
from isoloss.delimited.numerals import DECIMAL_COMMAS, MISSING_NUMBERS, conventions, is_missing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_columns"]

_SAMPLE = 200
_FEW = 0.1
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+")
_AMBIGUOUS = (
    "its points could be thousands separators, since other columns have decimal commas; write its "
    "numbers the way the others are written"
)

Texts = dict[int, npt.NDArray[np.object_]]


def read_columns(source: Source, frame: pd.DataFrame) -> list[TextColumn]:
    """Return all columns: as numbers where all cells write them in the same way, else as text.

    ``frame`` has the columns of the source as pandas reads them. Numbers such as ``1,234``, whose
    comma may mark decimals or thousands, are read as in the other columns of the file; if these do
    not settle the question, the column is ``odd``.
    """
    kinds = {place: dtype.kind for place, dtype in enumerate(frame.dtypes)}
    columns = {}
    for place, column in frame.items():
        if kinds[place] in "iuf":
            values = column.to_numpy()
            columns[place] = TextColumn(values.astype(float), rounded=changed_by_floats(values))
    columns |= _with_commas(source, [place for place in kinds if place not in columns])
    texts = source.texts([place for place in kinds if place not in columns])
    columns |= {place: read_texts(cells) for place, cells in texts.items()}
    _settle(source, columns, texts, [place for place, kind in kinds.items() if kind == "f"])
    return [columns[place] for place in kinds]


def _with_commas(source: Source, places: list[int]) -> dict[int, TextColumn]:
    """Return the columns that pandas can read with decimal commas, if a sample leaves no doubt."""
    likely = []
    for place, cells in source.texts(places, rows=_SAMPLE).items():
        sample = [cell for cell in set(cells) if not is_missing(cell, MISSING_NUMBERS)]
        if conventions(sample) == [DECIMAL_COMMAS]:
            likely.append(place)
    return {
        place: TextColumn(column.to_numpy(dtype=float), (DECIMAL_COMMAS,))
        for place, column in (source.with_decimal_commas(likely) if likely else {}).items()
        if column.dtype.kind == "f"
    }


def _settle(
    source: Source, columns: dict[int, TextColumn], texts: Texts, pointed: list[int]
) -> None:
    """Settle columns with two possible conventions; distrust points if commas are decimal."""
    settled = [each.possible[0] for each in columns.values() if len(each.possible) == 1]
    has_commas = any(each.decimal == "," for each in settled)
    doubtful = [place for place, each in columns.items() if len(each.possible) > 1]
    if not has_commas and not doubtful:
        return
    plain = source.texts(pointed)
    grouped = {place: _is_grouped(cells) for place, cells in plain.items()}
    if has_commas:
        for place in pointed:
            if grouped[place]:
                columns[place] = replace(columns[place], odd=_AMBIGUOUS)
        for place in doubtful:
            columns[place] = read_texts(texts[place], columns[place].possible[0])
    elif not all(grouped.values()):  # points are decimal
        for place in doubtful:
            if _is_usual(texts[place]):
                columns[place] = read_texts(texts[place], columns[place].possible[-1])


def _is_grouped(cells: npt.NDArray[np.object_]) -> bool:
    """Return whether the points in numbers could separate thousands."""
    pointed = [cell for cell in cells if "." in cell]
    return bool(pointed) and all(_GROUPED.fullmatch(cell.strip()) for cell in pointed)


def _is_usual(cells: npt.NDArray[np.object_]) -> bool:
    """Return whether several cells have commas, so that these are unlikely to be typing errors."""
    count = sum("," in cell for cell in cells)
    return count > 1 and count >= _FEW * len(cells)
