"""Schedules as JSON, with a format, its version and the fields of each phase."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["read", "write"]

_FORMAT = "isoloss schedule"


def write(phases: Sequence[Mapping[str, Any]]) -> str:
    """Return phases as JSON; each has its kind as ``"phase"``, and its fields."""
    return json.dumps({"format": _FORMAT, "version": 1, "phases": phases}, indent=1) + "\n"


def read(text: str, kinds: Mapping[str, Any]) -> list[Any]:
    """Build phases from JSON, given the kinds by name; raise ``ValueError`` for other texts."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except RecursionError:
        raise ValueError("no schedule: its JSON is nested too deeply") from None
    if isinstance(data, list):
        data = {"phases": [{"phase": "gradient_descent", "lr": data}], "version": 1}
    elif not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise ValueError(
            f'a schedule in JSON is a list of rates, or an object with "format": "{_FORMAT}", as '
            "Schedule.to_json writes it"
        )
    if data.get("version") != 1 or not isinstance(data.get("phases"), list):
        raise ValueError(
            'a schedule in JSON has "version": 1 and a list of "phases"; '
            f"got version {data.get('version')!r} with {sorted(data)}"
        )
    return [_phase(number, fields, kinds) for number, fields in enumerate(data["phases"])]


def _phase(number: int, fields: Any, kinds: Mapping[str, Any]) -> Any:
    fields = dict(fields) if isinstance(fields, dict) else {}
    kind = kinds.get(str(fields.pop("phase", "")))
    if kind is None:
        known = ", ".join(kinds)
        raise ValueError(f'phase {number} of the schedule needs "phase": one of {known}')
    try:
        return kind.from_dict(fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"phase {number} of the schedule ({kind.name}): {error}") from None
