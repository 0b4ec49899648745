"""Read certificates from JSON: each field must have its type, and no other fields are allowed."""

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
    """Return the value of a JSON text; floats and duplicate keys are refused."""
    try:
        return json.loads(
            text, object_pairs_hook=_record, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError, MemoryError) as error:
        raise RejectedError(f"this is not a JSON file: {error}") from None


def check_fields(content: Any, depth: int = 0) -> None:
    """Raise `RejectedError` unless a certificate has exactly the fields of its kind."""
    if depth > _DEEPEST:
        raise LimitError(f"theorems are nested more than {_DEEPEST} levels deep, the limit")
    kind = content.get("kind") if isinstance(content, dict) else None
    fields = _KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None or content.get("format") != _FORMAT or not _fit(content, fields):
        raise RejectedError(f"the fields are not those of {_FORMAT}, kind {shown(kind)}")
    for key, value in content.items():
        fields[key](value, key)
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


def _leaf(what: str, kind: type, fits: Callable[[Any], bool] | None = None) -> Field:
    """Return a check for a field with a single value; ``fits`` may raise `ValueError`."""

    def check(value: Any, where: str) -> None:
        try:
            fitting = type(value) is kind and (
                fits is None or fits(value)
            )  # isinstance() counts True as an int
        except (ValueError, OpenError) as error:
            raise RejectedError(f"{where}: {error}") from None
        if not fitting:
            raise RejectedError(f"{where} must be {what}; got {shown(value)}")

    return check


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
    if not isinstance(value, dict) or not _fit(value, fields):
        raise RejectedError(f"{where} does not have the fields of {what}")
    for key, each in value.items():
        fields[key](each, f"{where}.{key}")


def _fit(value: dict[str, Any], fields: dict[str, Field]) -> bool:
    """Return whether a value has all of the fields and no others, but for what came later."""
    return fields.keys() - _LATER <= value.keys() <= fields.keys()


def _piece(value: Any, where: str) -> None:
    """Check ``["gd", RATE, STEPS]`` or ``["flow", TIME or None]``."""
    match value:
        case ["gd", rate, steps]:
            _number(rate, where)
            _whole(steps, where)
        case ["flow", time]:
            _optional(time, where, field=_number)
        case _:
            raise RejectedError(f"{where}: {shown(value)} is not a phase of a schedule")


_words = _leaf("one line of printable text", str, str.isprintable)
_formal = _leaf(
    "one line of printable text without comments",
    str,
    lambda text: text.isprintable() and "#" not in text,
)
_name = _leaf("one ASCII word", str, is_name)
_schedule_name = _leaf("one ASCII word, or empty", str, lambda text: not text or is_name(text))
_truth = _leaf("true or false", bool)
_whole = _leaf("a whole number of at least 0", int, lambda number: number >= 0)
_bits = _leaf(f"from {_PRECISION[0]} to {_PRECISION[-1]}", int, _PRECISION.__contains__)
_number = _leaf("a number written as a string", str, lambda text: fraction(text) is not None)
_enclosure = _leaf(
    "two numbers written as strings",
    list,
    lambda ends: [type(end) for end in ends] == [str, str] and read(ends) is not None,
)
_texts = partial(_list, field=_formal, least=1)
_numbers = partial(_list, field=_number, least=1)
_names = partial(_list, field=_schedule_name)

_last_step = _leaf("'exact' or 'whole'", str, ("exact", "whole").__contains__)
_LATER = {"last_step", "last_rate"}  # without them the last step is whole, as in older files

_SPECTRA = ("train", "test", "start_squared")
_RUN: dict[str, Field] = {
    "schedule": partial(_list, field=_piece),
    "reached": _truth,
    "piece": _leaf("a whole number of at least -1", int, lambda number: number >= -1),
    "steps": _whole,
    "inside": partial(_optional, field=_enclosure),
    "time": partial(_optional, field=_enclosure),
    "last_rate": partial(_optional, field=_enclosure),
    "train_loss": _enclosure,
    "test_loss": _enclosure,
    "parts": partial(_list, field=_enclosure),
}
_PROBLEM: dict[str, Field] = {**dict.fromkeys(_SPECTRA, _numbers), "noise": _number}
_FAMILY: dict[str, Field] = {
    **dict.fromkeys(_SPECTRA, _texts),
    "noise": partial(_texts, most=1),
    "level": partial(_optional, field=_formal),
    "schedules": partial(_mapping, key=_schedule_name, field=_formal),
    "at_level": _names,
    "last_step": _last_step,
}
_HEAD: dict[str, Field] = {
    **dict.fromkeys(("format", "kind", "made_by", "reason"), _words),
    "verdict": _leaf("a verdict", str, ("proved", "disproved", "undecided").__contains__),
}
_KINDS: dict[str, dict[str, Field]] = {
    "runs": {
        **_HEAD,
        "problem": partial(_fields, fields=_PROBLEM, what="a problem"),
        "level": partial(_optional, field=_number),
        "last_step": _last_step,
        "claim": _formal,
        "at_level": _names,
        "precision": _bits,
        "runs": partial(
            _mapping, key=_schedule_name, field=partial(_fields, fields=_RUN, what="a run")
        ),
    },
    "for_all": {
        **_HEAD,
        "box": partial(_mapping, key=_name, field=partial(_list, field=_number, least=2, most=2)),
        "claim": _formal,
        "family": partial(
            _optional, field=partial(_fields, fields=_FAMILY, what="a family of problems")
        ),
        "precision": _bits,
        "tree": _words,
        "counterexample": partial(_optional, field=partial(_list, field=_number)),
    },
    "identity": {
        **_HEAD,
        **dict.fromkeys(("claim", "left", "right"), _formal),
        "variables": partial(_list, field=_name),
    },
    "theorem": {
        **_HEAD,
        "name": _words,
        "statement": _formal,
        "argument": partial(_list, field=_words),
        "parts": partial(_list, field=_leaf("a certificate", dict), least=1),
    },
}
