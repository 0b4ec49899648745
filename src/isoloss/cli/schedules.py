"""Read the schedules given to a command, as texts or files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isoloss._messages.near_misses import distinct
from isoloss.schedules.files import read_schedule
from isoloss.schedules.schedule import Schedule

__all__ = ["is_file", "named_schedules"]

_TAKEN = ("flow", "ridge")  # the names of gradient flow and ridge regression in results


def named_schedules(given: Sequence[str]) -> dict[str, str | Schedule]:
    """Return each text under its own name, and the schedule of each file under the file's name.

    The name has no folder and no suffix; if it is taken, the file's path is used.
    """
    given = list(dict.fromkeys(given))
    stems = [Path(text).stem for text in given if is_file(text)]
    taken = {*_TAKEN, *(text for text in given if not is_file(text))}
    names = [
        Path(text).stem
        if is_file(text) and stems.count(Path(text).stem) == 1 and Path(text).stem not in taken
        else text
        for text in given
    ]
    read = [read_schedule(text) if is_file(text) else text for text in given]
    return dict(zip(distinct(names), read, strict=True))


def is_file(text: str) -> bool:
    """Return whether a command takes a text for a file's name and not for a schedule."""
    return Path(text).suffix.lower() in (".json", ".csv")
