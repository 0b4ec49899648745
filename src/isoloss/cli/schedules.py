"""Read the schedules given to a command, as texts or files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isoloss._messages.near_misses import distinct
from isoloss.comparison.referring import known_name
from isoloss.schedules.files import read_schedule
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import read_unfinished

__all__ = ["compared_schedules", "is_file", "named_schedules"]

_TAKEN = ("flow", "ridge")  # the names of gradient flow and ridge regression in results


def compared_schedules(
    given: Sequence[str], against: str | None
) -> tuple[dict[str, str | Schedule], str | None]:
    """Return schedules by name, including gradient flow, and the name of the reference.

    A reference that is a schedule itself, rather than the name of one, is added to them.
    """
    found = _with_flow(_read(given))
    if against is None:
        return found, None
    try:
        return found, known_name(against, list(found))
    except ValueError:
        if not (is_file(against) or "(" in against):
            raise
    with_reference = _read([against, *given])
    name = next(iter(with_reference))
    return _with_flow(with_reference), name


def _read(given: Sequence[str]) -> dict[str, str | Schedule]:
    return named_schedules(
        [each if is_file(each) else str(read_unfinished(each)) for each in given]
    )


def _with_flow(schedules: dict[str, str | Schedule]) -> dict[str, str | Schedule]:
    # look at the phases to find gradient flow: a file named flow may hold something else
    flow = Spec.parse("flow")
    if any(read_unfinished(each) in (flow, flow.relative) for each in schedules.values()):
        return schedules
    return {"flow": "flow", **schedules}


def named_schedules(
    given: Sequence[str], *, taken: Sequence[str] = _TAKEN
) -> dict[str, str | Schedule]:
    """Return each text under its own name, and the schedule of each file under the file's name.

    The name has no folder and no suffix; if it is taken, the file's path is used.
    """
    given = list(dict.fromkeys(given))
    stems = [Path(text).stem for text in given if is_file(text)]
    others = {*taken, *(text for text in given if not is_file(text))}
    names = [
        Path(text).stem
        if is_file(text) and stems.count(Path(text).stem) == 1 and Path(text).stem not in others
        else text
        for text in given
    ]
    read = [read_schedule(text) if is_file(text) else text for text in given]
    return dict(zip(distinct(names), read, strict=True))


def is_file(text: str) -> bool:
    """Return whether a command takes a text for a file's name and not for a schedule."""
    return Path(text).suffix.lower() in (".json", ".csv")
