"""Read sweeps from TOML files."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isoloss._messages.near_misses import no_file, suggest
from isoloss.dynamics.stop_rule import stops_exactly
from isoloss.levels.grid import Levels, spaced
from isoloss.schedules.resolving import read, read_all
from isoloss.sweep import makers

__all__ = ["Config", "read_config"]

_KEYS = {
    "sampler": "a table: kind, and what the kind takes",
    "parameters": "a table of lists: the sampler's numbers that vary",
    "schedules": "a list of texts, or a table of names to texts",
    "levels": "how many, a list of numbers, or a table: from, to, count (evenly spaced in the log)",
    "unit": "absolute, start or excess",
    "last_step": "exact or whole",
    "draws": "a whole number",
    "seed": "a whole number",
}
_NEEDED = ("sampler", "schedules", "levels")


@dataclass(frozen=True)
class Config:
    """The sweep that a file describes.

    Attributes
    ----------
    arguments : dict
        The arguments of `sweep`, by name.
    """

    arguments: dict[str, Any]

    @property
    def size(self) -> str:
        """The numbers of problems, schedules and levels, in words."""
        cells = math.prod(map(len, (self.arguments["parameters"] or {}).values()))
        problems = cells * self.arguments["draws"]
        schedules, levels = self.arguments["schedules"], self.arguments["levels"]
        count = len(Levels.read(levels, self.arguments["unit"]).values)
        return f"{problems} problems × {len(schedules)} schedules × {count} levels"


def read_config(path: str | Path) -> Config:
    """Read a sweep's TOML file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Config
        The sweep that the file describes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file has errors. The message lists all of them: unknown keys (with the nearest known
        key), missing keys, and values of the wrong kind.
    """
    path = Path(path)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(no_file(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is not a TOML file: {error}") from None
    except RecursionError:
        raise ValueError(f"'{path}' is no TOML file of a sweep: it is nested too deeply") from None
    faults = _Faults()
    faults += _unknown("the file", given, _KEYS)
    faults += [f"the file lacks {key!r}: {_KEYS[key]}" for key in _NEEDED if key not in given]
    problems, parameters = None, {}
    with faults.gathered():
        parameters = _table("parameters", given.get("parameters", {}))
    if "sampler" in given:
        with faults.gathered():
            problems = _problems(_table("sampler", given["sampler"]), parameters, faults)
    arguments: dict[str, Any] = {
        "problems": problems,
        "parameters": parameters or None,
        "unit": given.get("unit", "excess"),
    }
    for name, default, reader in (
        ("schedules", None, _schedules),
        ("levels", None, _levels),
        ("last_step", "exact", _last_step),
        ("draws", 1, partial(_whole, "draws")),
        ("seed", 0, partial(_whole, "seed")),
    ):
        if name in given or default is not None:
            with faults.gathered():
                arguments[name] = reader(given.get(name, default))
    if faults:
        many = f"'{path}' has {len(faults)} faults:"
        raise ValueError(faults[0] if len(faults) == 1 else "\n- ".join([many, *faults]))
    return Config(arguments)


class _Faults(list[str]):
    """The errors in a file, collected so that all are reported at once."""

    @contextmanager
    def gathered(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            self.append(str(error))


def _problems(sampler: dict[str, Any], parameters: dict[str, Any], faults: _Faults) -> Any:
    """Return the sampler, or the function that makes it if parameters vary."""
    kind = sampler.pop("kind", None)
    if not isinstance(kind, str) or kind not in makers.KINDS:
        raise ValueError(
            f"sampler.kind must be one of {', '.join(makers.KINDS)}; got {kind!r}"
            f"{suggest(str(kind), makers.KINDS)}"
        )
    known, before = makers.known(kind), len(faults)
    faults += _unknown(f"sampler of kind {kind!r}", sampler, known)
    faults += _unknown("parameters", parameters, known)
    faults += [
        f"{name!r} is in sampler and in parameters; give it once"
        for name in parameters
        if name in sampler
    ]
    for name, values in [*parameters.items(), *((key, [value]) for key, value in sampler.items())]:
        if not isinstance(values, list) or not values:
            faults.append(f"parameters.{name} must be a list of values; got {values!r}")
            continue
        for value in values:
            with faults.gathered():
                makers.check(name, value)
    maker = partial(makers.KINDS[kind], **sampler)
    if parameters or len(faults) > before:
        return maker
    return maker()  # reports missing arguments immediately


def _unknown(where: str, given: Mapping[str, Any], known: Collection[str]) -> list[str]:
    return [
        f"{where} has the unknown key {key!r}{suggest(key, known)}; known: {', '.join(known)}"
        for key in given
        if key not in known
    ]


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be {_KEYS[name]}; got {value!r}")
    return dict(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be {_KEYS[name]}; got {value!r}")
    return value


def _last_step(value: Any) -> Any:
    stops_exactly(value)
    return value


def _schedules(value: Any) -> Any:
    texts = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ValueError(f"schedules must be {_KEYS['schedules']}; got {value!r}")
    return read_all(value, read)


def _levels(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"from", "to", "count"}:
        return spaced(value["from"], value["to"], value["count"])
    if isinstance(value, list) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"levels must be {_KEYS['levels']}; got {value!r}")
