"""Errors about columns, with the command that would work."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Any

import typer

__all__ = ["message_of"]


def message_of(error: Exception, context: typer.Context) -> str:
    """Return an error's message; of columns that cannot be used, with options and the command."""
    helps = getattr(error, "helps", ())
    if not helps:
        return str(error)
    ways, added = [], list[str]()
    for each in helps:
        words = _option(each.option, each.value)
        ways.append(f"{_joined(words)} {each.effect}")
        if not each.instead:
            added += words
    command = _joined([*context.command_path.split(), *context.meta["arguments"], *added])
    return f"{error.faults}; {', '.join(ways)}: {command}"  # type: ignore[attr-defined]  # it helps


def _option(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return [flag]
    values = value if isinstance(value, list) else [value]
    return [word for each in values for word in (flag, str(each))]


def _joined(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
