"""Certificates read from JSON: each field has its type, and there are no other fields."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from isoloss.checker.errors import LimitError, RejectedError, shown
from isoloss.checker.grammar import is_name
from isoloss.checker.numbers import OpenError, fraction, read

__all__ = ["check_fields", "parsed", "read_file"]

_FORMAT = "isoloss-certificate/1"

_LONGEST = 2**23  # bytes of a file
_DEEPEST = 20  # theorems within theorems
_PRECISION = range(32, 2**13 + 1)

Field = Callable[[Any, str], None]


def read_file(path: str | Path) -> str:
    """Return a file's text, unless it is too long."""
    with Path(path).open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise LimitError(f"the file is longer than {_LONGEST} bytes, the limit")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RejectedError(f"this is not a JSON file: {error}") from None


def parsed(text: str) -> Any:
    """Return what a JSON text holds; floats, and two values for one key, are refused."""
    try:
        return json.loads(
            text, object_pairs_hook=_record, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError, MemoryError) as error:
        raise RejectedError(f"this is not a JSON file: {error}") from None


def check_fields(content: Any, depth: int = 0) -> None:
    """Raise `RejectedError` unless a certificate's fields are those of its kind."""
    if depth > _DEEPEST:
        raise LimitError(f"theorems are nested more than {_DEEPEST} levels deep, the limit")
    kind = content.get("kind") if isinstance(content, dict) else None
    fields = _KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None or content.get("format") != _FORMAT or set(content) != fields.keys() | _HEAD:
        raise RejectedError(f"the fields are not those of {_FORMAT}, kind {shown(kind)}")
    for key, field in fields.items():
        field(content[key], key)
    for key in ("made_by", "reason"):
        _words(content[key], key)
    if content["verdict"] not in ("proved", "disproved", "undecided"):
        raise RejectedError(f"{shown(content['verdict'])} is not a verdict")
    for part in content["parts"] if kind == "theorem" else ():
        check_fields(part, depth + 1)


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise RejectedError(f"the key {shown(twice)} occurs twice")
    return found


def _no_float(text: str) -> NoReturn:
    raise RejectedError(f"a certificate must not contain floats; got {shown(text)}")


def _words(value: Any, where: str, *, formal: bool = False) -> None:
    """Check a string: printable on one line and, if it is formal, without comments."""
    if not isinstance(value, str):
        raise RejectedError(f"{where} must be a string; got {shown(value)}")
    if not value.isprintable() or (formal and "#" in value):
        raise RejectedError(f"{where} has a comment or unprintable characters")


def _name(value: Any, where: str) -> None:
    if not (isinstance(value, str) and is_name(value)):
        raise RejectedError(f"{where} must be one word of ASCII letters; got {shown(value)}")


def _schedule_name(value: Any, where: str) -> None:
    if value != "":
        _name(value, where)


def _whole(value: Any, where: str, *, least: int = 0) -> None:
    if type(value) is not int or value < least:
        raise RejectedError(
            f"{where} must be a whole number of at least {least}; got {shown(value)}"
        )


def _bits(value: Any, where: str) -> None:
    _whole(value, where)
    if value not in _PRECISION:
        raise RejectedError(f"the precision {shown(value)} is out of range")


def _truth(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise RejectedError(f"{where} must be true or false; got {shown(value)}")


def _number(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise RejectedError(f"{where} must be a number written as a string; got {shown(value)}")
    try:
        fraction(value)
    except ValueError as error:
        raise RejectedError(f"{where}: {error}") from None


def _ends(value: Any, where: str) -> None:
    """Check the ends of an enclosure."""
    if not (isinstance(value, list) and [type(each) for each in value] == [str, str]):
        raise RejectedError(f"{where} must be two numbers written as strings; got {shown(value)}")
    try:
        read(value)
    except (ValueError, OpenError) as error:
        raise RejectedError(f"{where}: {error}") from None


def _optional(value: Any, where: str, *, field: Field) -> None:
    if value is not None:
        field(value, where)


def _list(value: Any, where: str, *, field: Field, least: int = 0, most: int | None = None) -> None:
    if not isinstance(value, list) or len(value) < least or (most and len(value) > most):
        count = "" if not least else f" of at least {least}" if not most else f" of {most}"
        raise RejectedError(f"{where} must be a list{count}; got {shown(value)}")
    for i, each in enumerate(value):
        field(each, f"{where}[{i}]")


def _mapping(value: Any, where: str, *, key: Field, field: Field) -> None:
    if not isinstance(value, dict):
        raise RejectedError(f"{where} must be an object; got {shown(value)}")
    for name, each in value.items():
        key(name, f"a name in {where}")
        field(each, f"{where}.{name}" if name else where)


def _fields(value: Any, where: str, *, fields: dict[str, Field], what: str) -> None:
    if not isinstance(value, dict) or value.keys() != fields.keys():
        raise RejectedError(f"{where} does not have the fields of {what}")
    for key, field in fields.items():
        field(value[key], f"{where}.{key}")


def _piece(value: Any, where: str) -> None:
    """Check ``["gd", RATE, STEPS]`` or ``["flow", TIME or None]``."""
    match value:
        case ["gd", str(rate), steps]:
            _number(rate, where)
            _whole(steps, where)
        case ["flow", time]:
            _optional(time, where, field=_number)
        case _:
            raise RejectedError(f"{where}: {shown(value)} is not a phase of a schedule")


def _anything(value: Any, where: str) -> None:
    """Accept any value of a field that is checked elsewhere."""


_formal = partial(_words, formal=True)
_numbers = partial(_list, field=_number)
_texts = partial(_list, field=_formal, least=1)
_several = partial(_list, field=_number, least=1)
_must_reach = partial(_list, field=_schedule_name)

_RUN: dict[str, Field] = {
    "schedule": partial(_list, field=_piece),
    "reached": _truth,
    "piece": partial(_whole, least=-1),
    "steps": _whole,
    "inside": partial(_optional, field=_ends),
    "time": partial(_optional, field=_ends),
    "train_loss": _ends,
    "test_loss": _ends,
    "parts": partial(_list, field=_ends),
}
_PROBLEM: dict[str, Field] = {
    "train": _several,
    "test": _several,
    "start_squared": _several,
    "noise": _number,
}
_FAMILY: dict[str, Field] = {
    "train": _texts,
    "test": _texts,
    "start_squared": _texts,
    "noise": partial(_texts, most=1),
    "level": partial(_optional, field=_formal),
    "schedules": partial(_mapping, key=_schedule_name, field=_formal),
    "at_level": _must_reach,
}
_HEAD = {"format", "kind", "made_by", "verdict", "reason"}
_KINDS: dict[str, dict[str, Field]] = {
    "runs": {
        "problem": partial(_fields, fields=_PROBLEM, what="a problem"),
        "level": partial(_optional, field=_number),
        "claim": _formal,
        "at_level": _must_reach,
        "precision": _bits,
        "runs": partial(
            _mapping, key=_schedule_name, field=partial(_fields, fields=_RUN, what="a run")
        ),
    },
    "for_all": {
        "box": partial(_mapping, key=_name, field=partial(_list, field=_number, least=2, most=2)),
        "claim": _formal,
        "family": partial(
            _optional, field=partial(_fields, fields=_FAMILY, what="a family of problems")
        ),
        "precision": _bits,
        "tree": _words,
        "counterexample": partial(_optional, field=_numbers),
    },
    "identity": {
        "claim": _formal,
        "left": _formal,
        "right": _formal,
        "variables": partial(_list, field=_name),
    },
    "theorem": {
        "name": _words,
        "statement": _formal,
        "argument": partial(_list, field=_words),
        "parts": partial(_list, field=_anything, least=1),
    },
}
