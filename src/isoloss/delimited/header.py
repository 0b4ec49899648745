"""Decide whether the first line of a file holds column names or data, where this is clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from isoloss.delimited.numerals import MISSING_NUMBERS, is_missing, looks_numeric

__all__ = ["Decision", "decide_header"]

_NEARLY_ALL = 0.9
_FAR = 3  # this many columns do not agree by chance
_ENOUGH_ROWS = 5
_EQUAL = 1e-12  # steps of fractions such as 0.1, 0.2, 0.3


@dataclass(frozen=True)
class Decision:
    """Whether the first line holds names (None if this is unclear), and why.

    The reason is part of a sentence; it is empty for ordinary names.
    """

    header: bool | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class _Column:
    """A column, with its first cell apart.

    ``below`` has those of the ``count`` cells below the first that are not missing.
    """

    first: str
    below: tuple[str, ...]
    count: int

    @cached_property
    def is_number(self) -> bool:
        """Whether the first cell is a number; ``inf`` can be a name."""
        return looks_numeric(self.first) and any(each.isdigit() for each in self.first)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether nearly all cells below are numbers."""
        count = sum(map(looks_numeric, self.below))
        return bool(self.below) and count >= _NEARLY_ALL * len(self.below)

    def is_outside(self, *, far: bool = False) -> bool:
        """Return whether the first cell is outside the range below; ``far``: by its length."""
        least, most = min(map(_value, self.below)), max(map(_value, self.below))
        margin = most - least if far else 0.0
        return least < most and not least - margin <= _value(self.first) <= most + margin

    @cached_property
    def is_pointed(self) -> bool:
        """Whether all numbers below are written as fractions, with a point or exponent."""
        return bool(self.below) and not any(_is_whole(cell) for cell in self.below)


def decide_header(rows: Sequence[Sequence[str]]) -> Decision:
    """Decide whether the first of several rows of equal length holds names.

    Examples
    --------
    >>> decide_header([["size", "price"], ["1", "2"]]).header
    True
    >>> decide_header([["5.1", "setosa"], ["4.9", "setosa"]]).header
    False
    >>> decide_header([["2021", "2022"], ["0.5", "0.7"]])
    Decision(header=None, reason='it holds whole numbers, and the lines below hold fractions')
    """
    first = [cell.strip() for cell in rows[0]]
    columns = [
        _Column(
            cell, tuple(row[i].strip() for row in rows[1:] if not _is_absent(row[i])), len(rows) - 1
        )
        for i, cell in enumerate(first)
    ]
    numbers = [each for each in columns if each.is_number]
    if not numbers:
        return _without_numbers(columns, rows) if len(rows) > 1 else Decision(True)
    if len(rows) > 1:
        return _with_numbers(first, columns, numbers, rows)
    if len(numbers) == len(first):
        return Decision(False, "it is all numbers")
    return Decision(None, "it is the only one, and holds words and numbers")


def _without_numbers(columns: list[_Column], rows: Sequence[Sequence[str]]) -> Decision:
    named = [each for each in columns if each.first]
    over_numbers = [each for each in named if each.is_numeric and not _is_placeholder(each.first)]
    recurring = [each.first for each in named if each.first in each.below]
    placeholders = [each.first for each in named if each.is_numeric and _is_placeholder(each.first)]
    mixed = any(looks_numeric(cell) for each in columns for cell in each.below)
    first = [each.first for each in columns]
    if recurring and mixed and any([cell.strip() for cell in row] == first for row in rows[1:]):
        raise ValueError("its first line occurs again below: were files with headers joined?")
    if not over_numbers:
        if placeholders:
            return Decision(None, f"'{placeholders[0]}' stands above numbers")
        if recurring and len(recurring) == len([each for each in named if not each.is_numeric]):
            return Decision(False, f"its words, such as '{recurring[0]}', stand in lines below it")
    if recurring or placeholders:
        odd = (recurring or placeholders)[0]
        return Decision(None, f"'{odd}' looks like data, and other cells like names")
    return Decision(True)


def _with_numbers(
    first: list[str],
    columns: list[_Column],
    numbers: list[_Column],
    rows: Sequence[Sequence[str]],
) -> Decision:
    others = [each for each in columns if not each.is_number and not _is_absent(each.first)]
    words = [each for each in others if each.is_numeric and not _is_placeholder(each.first)]
    if _are_names(numbers):
        return Decision(True, "whole numbers in order, which stand above fractions")
    if not first[0] and len(columns) > 1 and _is_counted(rows):
        return Decision(True, "the lines below it are counted in a column without name")
    if words:
        return Decision(
            None, f"'{words[0].first}' stands above numbers, as a name does, beside numbers"
        )
    if reason := _cannot_be_names(first, columns, others):
        return Decision(False, reason)
    if reason := _stands_out(first, numbers, rows):
        return Decision(None, reason)
    if len(numbers) == len(columns):
        return Decision(False, "it is all numbers")
    if any(not _is_whole(each.first) and each.is_numeric for each in numbers):
        return Decision(False, "it holds fractions, as the lines below it do")
    return Decision(None, "it holds words and whole numbers")


def _cannot_be_names(first: list[str], columns: list[_Column], others: list[_Column]) -> str:
    """Return why a line with numbers is certainly data, or an empty text."""
    if len(set(first)) < len(first):
        return "it holds a cell twice, as names do not"
    above_index = not first[0] and columns[0].count == len(columns[0].below)
    named = columns[1:] if above_index else columns
    if any(_is_absent(each.first) or _is_placeholder(each.first) for each in named):
        return "it holds numbers and missing values"
    recurring = [each.first for each in others if each.first in each.below]
    return f"it holds numbers, and '{recurring[0]}' as lines below it do" if recurring else ""


def _are_names(numbers: list[_Column]) -> bool:
    """Return whether whole numbers at equal steps are above several columns of fractions."""
    pointed = [each for each in numbers if each.is_pointed and len(each.below) >= _FAR]
    return _is_progression(_wholes(numbers)) and len(pointed) >= _FAR


def _stands_out(first: list[str], numbers: list[_Column], rows: Sequence[Sequence[str]]) -> str:
    """Return why numbers in a first line could be names, or an empty text."""
    over_numbers = [each for each in numbers if each.is_numeric]
    wholes = _wholes(numbers)
    if not first[0]:
        return "its first cell is empty, as above an index, and others are numbers"
    if len(over_numbers) < len(numbers):
        return "it holds numbers above words"
    if wholes:
        if all(each.is_pointed for each in numbers):
            return "it holds whole numbers, and the lines below hold fractions"
        if len(wholes) > 1 and wholes == list(range(len(wholes))):
            return "it counts the columns from 0, as names of pandas do"
    values = [_value(each.first) for each in numbers]
    if _is_progression(values) and not all(_is_progression([*map(_value, row)]) for row in rows):
        return "it holds numbers at equal steps, as names such as years are"
    in_order = all(a < b for a, b in pairwise(values)) and len(rows) > _ENOUGH_ROWS
    if len(values) >= _FAR and in_order and all(each.is_outside() for each in numbers):
        return "its numbers are in order, and unlike those below it"
    if len(values) > 1 and all(each.is_outside(far=True) for each in numbers):
        return "its numbers are far from those below it"
    return ""


def _is_counted(rows: Sequence[Sequence[str]]) -> bool:
    cells = [row[0].strip() for row in rows[1:]]
    return cells in ([str(start + i) for i in range(len(cells))] for start in (0, 1))


def _is_progression(values: Sequence[float]) -> bool:
    steps = [b - a for a, b in pairwise(values)]
    if len(values) < _FAR or not steps[0]:
        return False
    return all(abs(step - steps[0]) <= _EQUAL * max(map(abs, values)) for step in steps)


def _wholes(columns: list[_Column]) -> list[int]:
    """Return the first cells as whole numbers, or an empty list if any is not one."""
    if all(_is_whole(each.first) for each in columns):
        return [int(each.first) for each in columns]
    return []


def _is_whole(cell: str) -> bool:
    digits = cell.removeprefix("-").removeprefix("+")
    return digits.isascii() and digits.isdigit() and len(digits) < 19


def _value(cell: str) -> float:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("nan")


def _is_absent(cell: str) -> bool:
    return is_missing(cell, MISSING_NUMBERS)


def _is_placeholder(cell: str) -> bool:
    """Return whether a word is a common placeholder for a missing value."""
    return not any(each.isalnum() for each in cell) or cell.lower() in ("missing", "unknown")
