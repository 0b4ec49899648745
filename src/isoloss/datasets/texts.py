"""Read columns of cells as written: as numbers if all cells are numbers, else as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """The cells of a column, as floats with NaN or as an object array of texts with None.

    ``possible`` has the conventions for its numbers if they are not Python's (two if this is
    unclear); ``odd`` is part of a sentence that says why a column that should be numeric is not;
    ``decided`` says which cells could have meant something else; ``rounded`` is whether its whole
    numbers are too large for floats.
    """

    values: npt.NDArray[Any]
    possible: Sequence[Convention] = ()
    odd: str = ""
    decided: tuple[str, ...] = ()
    rounded: bool = False


def read_texts(cells: npt.NDArray[np.object_], convention: Convention | None = None) -> TextColumn:
    """Read the cells of a column, by the given convention if they fit two."""
    import pandas as pd

    codes, found = pd.factorize(cells)
    distinct = [str(cell) for cell in found]
    forms = {cell: cell.strip().lower() for cell in distinct}
    is_present = np.array([form not in MISSING_NUMBERS for form in forms.values()], dtype=bool)
    present = [cell for cell, form in forms.items() if form not in MISSING_NUMBERS]

    def numbers(value: Callable[[str], float], possible: Sequence[Convention] = ()) -> TextColumn:
        floats = np.full(len(forms), np.nan)
        floats[is_present] = [value(cell) for cell in present]
        return TextColumn(floats[codes], possible)

    if all(map(is_number, present)):
        return numbers(float)
    if all(forms[cell] in _TRUTH for cell in present):
        return numbers(lambda cell: _TRUTH[forms[cell]])
    possible = conventions(present)
    if convention in possible:
        possible = [convention]
    if len(possible) == 1:
        return numbers(lambda cell: float(possible[0].plain(cell)), possible)
    odd = _odd(cells, present, np.bincount(codes)[is_present], possible)
    texts = [None if form in MISSING else cell for cell, form in forms.items()]
    values = np.array(texts, dtype=object)[codes]
    return TextColumn(values, possible, odd, () if odd else _decided(forms))


def numbers_as_text(cells: npt.NDArray[np.object_]) -> str:
    """Return what is wrong with texts that are all numbers, but not all whole; else "".

    Whole numbers may be labels that their source holds as text on purpose.
    """
    present = [cell for cell in cells if cell is not None and not is_missing(cell)]
    if not present or all(cell.strip().isdigit() for cell in present):
        return ""
    column = read_texts(np.array(present, dtype=object))
    if column.values.dtype == object:
        return column.odd
    if all(cell.strip().lower() in _TRUTH for cell in present):
        return ""
    return f"it holds numbers stored as text, such as '{present[0]}'; convert it to numbers"


def _odd(
    cells: npt.NDArray[np.object_],
    present: Sequence[str],
    counts: npt.NDArray[np.intp],
    possible: Sequence[Convention],
) -> str:
    """Return what is wrong with a column if nearly all its cells are numbers, else an empty text.

    ``present`` has its distinct cells that are not missing, which occur ``counts`` times.
    """
    plain = np.array([is_number(cell) for cell in present])
    near = np.array([resembles_number(cell) for cell in present])
    total, numbers = counts.sum(), counts[plain].sum()
    share = counts[plain | near].sum() / total
    measured = plain.sum() >= _MANY or any(
        float(cell) % 1 for cell, is_plain in zip(present, plain, strict=True) if is_plain
    )
    if share < _NEARLY_ALL and not (measured and share >= 0.5 and (~plain).sum() <= _FEW):
        return ""
    place = int((~plain).argmax())
    first = present[place]
    row = int((cells == first).argmax()) + 1
    if len(possible) > 1:
        return (
            f"its numbers, such as '{first}' in data row {row}, could have decimal commas or "
            "thousands separators; write them without separators, with a decimal point"
        )
    if not numbers:
        return (
            f"none of its cells is a plain number, such as '{first}' in data row {row}; "
            f"{wrong_with(first)}"
        )
    more = total - numbers - counts[place]
    others = f" (and {more} more)" if more else ""
    return (
        f"{numbers} of its {total} cells are numbers, but '{first}' in data row {row}{others} is "
        f"not; {wrong_with(first)}"
    )


def _decided(forms: Mapping[str, str]) -> tuple[str, ...]:
    """Describe cells that could mean something else: words for missing values, padded words."""
    found = []
    stripped: dict[str, str] = {}
    for cell, form in forms.items():
        other = stripped.setdefault(cell.strip(), cell)
        if form in MISSING:
            found += [f"'{cell.strip()}' was read as missing"] * bool(form)
        elif form in MISSING_NUMBERS:
            found.append(f"'{cell}' was taken as a value, not as missing,")
        elif other != cell:
            found.append(f"'{other}' and '{cell}' were taken as two values")
    return tuple(found)
