"""Columns of cells as written: numbers where all cells are numbers, else text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.delimited.numerals import (
    MISSING,
    MISSING_NUMBERS,
    Convention,
    conventions,
    is_missing,
    is_number,
    resembles_number,
    wrong_with,
)

__all__ = ["TextColumn", "numbers_as_text", "read_texts"]

_TRUTH = {"true": 1.0, "false": 0.0}
_NEARLY_ALL = 0.9
_MANY, _FEW = 10, 3


@dataclass(frozen=True, eq=False)
class TextColumn:
    """What the cells of a column are.

    Attributes
    ----------
    values : array
        Floats with NaN, or an object array of texts with None.
    possible : sequence of Convention
        How its numbers are written, if not as in Python; two conventions if it is unclear.
    odd : str
        Why a column that should be numeric is not, as a part of a sentence.
    decided : tuple of str
        Decisions about cells with another possible meaning, in words.
    rounded : bool
        Whether its whole numbers are too large for floats.
    """

    values: npt.NDArray[Any]
    possible: Sequence[Convention] = ()
    odd: str = ""
    decided: tuple[str, ...] = ()
    rounded: bool = False


def read_texts(cells: npt.NDArray[np.object_], convention: Convention | None = None) -> TextColumn:
    """Read the cells of a column; by a convention, where they could be of two."""
    import pandas as pd

    codes, found = pd.factorize(cells)
    distinct = [str(cell) for cell in found]
    counts = np.bincount(codes, minlength=len(distinct))
    forms = [cell.strip().lower() for cell in distinct]
    present = [
        cell for cell, form in zip(distinct, forms, strict=True) if form not in MISSING_NUMBERS
    ]

    def numbers(values: dict[str, float], **more: Any) -> TextColumn:
        floats = [values.get(cell, np.nan) for cell in distinct]
        return TextColumn(np.array(floats, dtype=float)[codes], **more)

    if all(map(is_number, present)):
        return numbers({cell: float(cell) for cell in present})
    if all(cell.strip().lower() in _TRUTH for cell in present):
        return numbers({cell: _TRUTH[cell.strip().lower()] for cell in present})
    possible = conventions(present)
    if convention in possible:
        possible = [convention]
    if len(possible) == 1:
        plain = {cell: float(possible[0].plain(cell)) for cell in present}
        return numbers(plain, possible=possible)
    odd = _odd(cells, distinct, forms, counts, possible)
    texts = np.array(
        [None if form in MISSING else cell for cell, form in zip(distinct, forms, strict=True)],
        dtype=object,
    )
    return TextColumn(texts[codes], possible, odd, () if odd else _decided(distinct, forms))


def numbers_as_text(cells: npt.NDArray[np.object_]) -> str:
    """Return what is wrong with texts that are numbers, but not whole ones; else nothing.

    Whole numbers may be labels that their source has made texts on purpose.
    """
    present = [cell for cell in cells if cell is not None and not is_missing(cell)]
    if not present or all(cell.strip().isdigit() for cell in present):
        return ""
    column = read_texts(np.array(present, dtype=object))
    if column.values.dtype == object:
        return column.odd
    fractions = not all(cell.strip().lower() in _TRUTH for cell in present)
    return (
        f"it holds numbers stored as text, such as '{present[0]}'; convert it to numbers"
        * fractions
    )


def _odd(
    cells: npt.NDArray[np.object_],
    distinct: Sequence[str],
    forms: Sequence[str],
    counts: npt.NDArray[np.intp],
    possible: Sequence[Convention],
) -> str:
    """Return what is wrong with a column of nearly only numbers; empty for other columns."""
    kinds = [
        "missing" if form in MISSING_NUMBERS
        else "number" if is_number(cell)
        else "near" if resembles_number(cell)
        else "word"
        for cell, form in zip(distinct, forms, strict=True)
    ]  # fmt: skip
    total = dict.fromkeys(("missing", "number", "near", "word"), 0)
    for kind, count in zip(kinds, counts, strict=True):
        total[kind] += int(count)
    present = len(cells) - total["missing"]
    plain = [cell for cell, kind in zip(distinct, kinds, strict=True) if kind == "number"]
    words = kinds.count("word") + kinds.count("near")
    measured = len(plain) >= _MANY or any(float(cell) % 1 for cell in plain)
    share = (total["number"] + total["near"]) / present
    if share < _NEARLY_ALL and not (measured and share >= 0.5 and words <= _FEW):
        return ""
    first = next(
        cell for cell, kind in zip(distinct, kinds, strict=True) if kind in ("word", "near")
    )
    row = int((cells == first).argmax()) + 1
    if len(possible) > 1:
        return (
            f"its numbers, such as '{first}' in data row {row}, could have decimal commas or "
            "thousands separators; write them without separators, with a decimal point"
        )
    if not plain:
        return (
            f"none of its cells is a plain number, such as '{first}' in data row {row}; "
            f"{wrong_with(first)}"
        )
    more = present - total["number"] - int((cells == first).sum())
    others = f" (and {more} more)" if more else ""
    return (
        f"{total['number']} of its {present} cells are numbers, but '{first}' in data row {row}"
        f"{others} is not; {wrong_with(first)}"
    )


def _decided(distinct: Sequence[str], forms: Sequence[str]) -> tuple[str, ...]:
    """Describe what could have another meaning: words for missing values, blanks around words."""
    found = []
    stripped: dict[str, str] = {}
    for cell, form in zip(distinct, forms, strict=True):
        other = stripped.setdefault(cell.strip(), cell)
        if form in MISSING:
            found += [f"'{cell.strip()}' was read as missing"] * bool(form)
        elif form in MISSING_NUMBERS:
            found.append(f"'{cell}' was taken as a value, not as missing,")
        elif other != cell:
            found.append(f"'{other}' and '{cell}' were taken as two values")
    return tuple(found)
