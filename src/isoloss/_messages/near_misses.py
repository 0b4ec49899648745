"""Names in messages: suggest the nearest known name, list names, and number duplicates."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["distinct", "no_file", "quoted", "suggest"]


_BEGINNING = 3  # characters of a name that tell which name is meant


def suggest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean ...?)" with the nearest known name, or an empty text.

    Examples
    --------
    >>> suggest("trget", ["age", "target"])
    " (did you mean 'target'?)"
    >>> suggest("step", ["constant", "step_decay"])
    " (did you mean 'step_decay'?)"
    """
    near = _nearest(name, known)
    return "" if near is None else f" (did you mean '{near}'?)"


def no_file(path: str | Path) -> str:
    """Return the message that a file is missing, and suggest a similar name in its folder.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "houses.csv").touch()
    >>> no_file(folder / "hoses.csv").replace(str(folder), "data")
    "there is no file 'data/hoses.csv' (did you mean 'data/houses.csv'?)"
    """
    path = Path(path)
    try:
        near = _nearest(path.name, (each.name for each in path.parent.iterdir()))
    except OSError:
        return f"there is no file '{path}', nor a folder '{path.parent}'"
    meant = "" if near is None else f" (did you mean '{path.with_name(near)}'?)"
    return f"there is no file '{path}'{meant}"


def quoted(names: Sequence[str], shown: int = 3) -> str:
    """Return the first names in quotes, and the number of the others.

    Examples
    --------
    >>> quoted(["age", "sex", "bmi", "bp"])
    "'age', 'sex', 'bmi' and 1 more"
    """
    text = ", ".join(f"'{name}'" for name in names[:shown])
    return text + (f" and {len(names) - shown} more" if len(names) > shown else "")


def distinct(names: Sequence[str]) -> list[str]:
    """Return distinct names by numbering those that occur several times.

    Examples
    --------
    >>> distinct(["flow", "steps", "steps"])
    ['flow', 'steps (1)', 'steps (2)']
    """
    taken, found = set(names), []
    for name in names:
        if names.count(name) == 1:
            found.append(name)
            continue
        numbered = (f"{name} ({i})" for i in itertools.count(1))
        found.append(next(each for each in numbered if each not in taken))
        taken.add(found[-1])
    return found


def _nearest(name: str, known: Iterable[str]) -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if not near and len(name) >= _BEGINNING:
        near = [each for each in by_lower if each.startswith(name.lower())]
    return by_lower[near[0]] if near else None
