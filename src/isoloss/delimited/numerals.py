"""Recognise numbers in cells: strictly, and in the various ways that people write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

__all__ = [
    "DECIMAL_COMMAS",
    "MISSING",
    "MISSING_NUMBERS",
    "Convention",
    "conventions",
    "is_missing",
    "is_number",
    "looks_numeric",
    "resembles_number",
    "wrong_with",
]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "<na>"})
"""Marks of missing values in any column, in lower case."""

MISSING_NUMBERS = MISSING | {"none", "#na", "#n/a n/a", "-nan"}
"""Marks of missing values among numbers; among words, ``None`` can be a word."""

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(
    rf"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)
_UNITS = "%‰€$£¥°"
_UNIT = re.compile(rf"[{_UNITS}]\s*(.+)|(.+?)\s*[{_UNITS}]")
_WORD = re.compile(r"[a-df-z]", re.IGNORECASE | re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_BLANKS = " \t"


@dataclass(frozen=True)
class Convention:
    """How a column writes numbers: its thousands separator, if any, and its decimal mark."""

    thousands: str
    decimal: str

    def __str__(self) -> str:
        name = {"\u00a0": "no-break blanks", "\u202f": "narrow blanks", " ": "blanks"}
        parts = ["decimal commas"] * (self.decimal == ",")
        if self.thousands:
            parts += [f"thousands separators ({name.get(self.thousands, self.thousands)})"]
        return " and ".join(parts)

    def matches(self, cell: str) -> bool:
        """Return whether a cell is a number in this convention."""
        return self.pattern.fullmatch(cell.strip(_BLANKS)) is not None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of a number in this convention."""
        mark, decimal = re.escape(self.thousands), re.escape(self.decimal)
        whole = "[0-9]+"
        if mark:  # every number that is large enough must have separators
            whole = rf"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,3}})"
        number = rf"[+-]?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+){_EXPONENT}"
        return re.compile(number, re.ASCII)

    def plain(self, cell: str) -> str:
        """Return a number in this convention as Python writes it."""
        cell = cell.strip(_BLANKS)
        if self.thousands:
            cell = cell.replace(self.thousands, "")
        return cell.replace(self.decimal, ".")


DECIMAL_COMMAS = Convention("", ",")
_CONVENTIONS = (
    DECIMAL_COMMAS,
    Convention(",", "."),
    Convention(".", ","),
    *(Convention(mark, decimal) for mark in "'’ \u00a0\u202f" for decimal in ".,"),
)

_ANY = re.compile("|".join(each.pattern.pattern for each in _CONVENTIONS), re.ASCII)


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, which may be infinite.

    A number has ASCII digits, at most one decimal point, a sign and an exponent. Python's ``float``
    takes more, such as ``1_0`` and digits of other scripts.

    Examples
    --------
    >>> [is_number(cell) for cell in ("-.5", " 3 ", "1e-3", "1_0", "1,5", "nan", "１")]
    [True, True, True, False, False, False, False]
    """
    return _NUMBER.fullmatch(cell.strip(_BLANKS)) is not None


def is_missing(cell: str, tokens: Collection[str] = MISSING) -> bool:
    """Return whether a cell stands for a missing value."""
    return cell.strip().lower() in tokens


def looks_numeric(cell: str) -> bool:
    """Return whether a cell is a number in any convention.

    Examples
    --------
    >>> [looks_numeric(cell) for cell in ("3", "0,5", "1.234,5", "1,000", "1-2", "1.2.3")]
    [True, True, True, True, False, False]
    """
    return is_number(cell) or _ANY.fullmatch(cell.strip(_BLANKS)) is not None


def conventions(cells: Collection[str]) -> list[Convention]:
    """Return the conventions, if any, other than Python's that fit all cells of a column.

    There are two if commas could mark decimals as well as thousands.

    Examples
    --------
    >>> [str(each) for each in conventions(["0,5", "12,25"])]
    ['decimal commas']
    >>> [str(each) for each in conventions(["1,000", "2,500"])]
    ['decimal commas', 'thousands separators (,)']
    """
    found = []
    for each in _CONVENTIONS:
        mark = each.thousands or each.decimal
        if any(mark in cell for cell in cells) and all(each.matches(cell) for cell in cells):
            found.append(each)
    with_thousands = [each for each in found if each.thousands][:1]
    if DECIMAL_COMMAS not in found:
        return with_thousands
    if not with_thousands and all(
        _GROUPED.fullmatch(cell.strip()) for cell in cells if "," in cell
    ):
        return []  # 1,000 beside 5000 is a typing error rather than a fraction
    return [DECIMAL_COMMAS, *with_thousands]


def resembles_number(cell: str) -> bool:
    """Return whether a person would take a cell for a number, say with a unit or other digits.

    Examples
    --------
    >>> [resembles_number(cell) for cell in ("5 %", "€1,000", "１２", "\u22125", "12b")]
    [True, True, True, True, False]
    """
    if _WORD.search(cell):  # a quick answer for most texts
        return False
    plain = unicodedata.normalize("NFKC", cell.strip()).replace("\u2212", "-")
    return looks_numeric(_without_unit(plain))


def wrong_with(cell: str) -> str:
    """Return advice on a cell that is not a number among cells that are."""
    if is_number(cell.strip()):
        return "remove the characters around it"
    cell = cell.strip()
    if looks_numeric(_without_unit(cell)) and not looks_numeric(cell):
        return "write it without the unit"
    if looks_numeric(cell):
        return "write it without thousands separators, with a decimal point"
    if resembles_number(cell):
        return "write it with the digits 0 to 9, a point and a hyphen"
    if cell.lower() in ("true", "false"):
        return "write 1 or 0"
    if not any(each.isdigit() for each in cell):
        return "if it stands for a missing value, leave the cell empty"
    return "write it as 1234.5, or leave the cell empty"


def _without_unit(cell: str) -> str:
    unit = _UNIT.fullmatch(cell)
    return (unit[1] or unit[2]).strip() if unit else cell
