"""Sweeps from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.names import suggest
from isoloss.sweep import makers

__all__ = ["Config", "read_config"]

_KEYS = {
    "sampler": "a table: kind, and what the kind takes",
    "parameters": "a table of lists: the sampler's numbers that vary",
    "schedules": "a list of texts, or a table of names to texts",
    "levels": "a list of numbers, or a table: from, to, count (evenly spaced in the log)",
    "unit": "excess, start or absolute",
    "draws": "a whole number",
    "seed": "a whole number",
}
_NEEDED = ("sampler", "schedules", "levels")


@dataclass(frozen=True)
class Config:
    """The arguments of `sweep`, by name."""

    arguments: dict[str, Any]

    @property
    def size(self) -> str:
        """How much there is to do, in words."""
        cells = 1
        for values in (self.arguments["parameters"] or {}).values():
            cells *= len(values)
        problems = cells * self.arguments["draws"]
        schedules, levels = self.arguments["schedules"], self.arguments["levels"]
        return f"{problems} problems × {len(schedules)} schedules × {len(levels)} levels"


def read_config(path: str | Path) -> Config:
    """Read a sweep's file.

    Raises ``FileNotFoundError`` if there is none, ``ValueError`` for what cannot be read: an
    unknown key, with the nearest known one, a missing one, or a value of another kind.
    """
    path = Path(path)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no TOML file: {error}") from None
    _check_keys("the file", given, _KEYS)
    if missing := [key for key in _NEEDED if key not in given]:
        raise ValueError(f"'{path}' lacks {missing[0]!r}: {_KEYS[missing[0]]}")
    sampler = _table("sampler", given["sampler"])
    parameters = _table("parameters", given.get("parameters", {}))
    kind = sampler.pop("kind", None)
    if not isinstance(kind, str) or kind not in makers.KINDS:
        raise ValueError(
            f"sampler.kind must be one of {', '.join(makers.KINDS)}; got {kind!r}"
            f"{suggest(str(kind), makers.KINDS)}"
        )
    known = makers.KINDS[kind]
    _check_keys(f"sampler of kind {kind!r}", sampler, known)
    _check_keys("parameters", parameters, known)
    for name, values in parameters.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"parameters.{name} must be a list of values; got {values!r}")
        if name in sampler:
            raise ValueError(f"{name!r} is in sampler and in parameters; give it once")
    draws, seed = _whole("draws", given.get("draws", 1)), _whole("seed", given.get("seed", 0))
    maker = makers.Maker(kind, sampler)
    if not parameters:
        maker()  # says at once what is missing
    schedules = given["schedules"]
    if not isinstance(schedules, list | dict) or not schedules:
        raise ValueError(f"schedules must be {_KEYS['schedules']}; got {schedules!r}")
    return Config(
        {
            "problems": maker if parameters else maker(),
            "schedules": schedules,
            "levels": _levels(given["levels"]),
            "draws": draws,
            "parameters": parameters or None,
            "seed": seed,
            "unit": given.get("unit", "excess"),
        }
    )


def _check_keys(where: str, given: Mapping[str, Any], known: Mapping[str, str]) -> None:
    for key in given:
        if key not in known:
            raise ValueError(
                f"{where} has the unknown key {key!r}{suggest(key, known)}; known: "
                f"{', '.join(known)}"
            )


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be {_KEYS[name]}; got {value!r}")
    return dict(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be {_KEYS[name]}; got {value!r}")
    return value


def _levels(value: Any) -> Sequence[float]:
    if isinstance(value, dict):
        if set(value) != {"from", "to", "count"}:
            raise ValueError(f"levels must be {_KEYS['levels']}; got {value!r}")
        try:
            spaced = np.geomspace(float(value["from"]), float(value["to"]), int(value["count"]))
        except (TypeError, ValueError) as error:
            raise ValueError(f"levels cannot be spaced: {error}") from None
        return [float(level) for level in spaced]
    if not isinstance(value, list) or not all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in value
    ):
        raise ValueError(f"levels must be {_KEYS['levels']}; got {value!r}")
    return [float(each) for each in value]
