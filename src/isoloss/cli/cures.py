"""Messages of errors about columns, with the command that would work."""

from __future__ import annotations

import os
import shlex
import subprocess

import typer

__all__ = ["message_of"]


def message_of(error: Exception, context: typer.Context) -> str:
    """Return an error's message; for unusable columns, add options and a command that help."""
    helps = getattr(error, "helps", ())
    if not helps:
        return str(error)
    ways = [f"{_joined(each.words)} {each.effect}" for each in helps]
    added = [word for each in helps if not each.instead for word in each.words]
    command = _joined([*context.command_path.split(), *context.meta["arguments"], *added])
    return f"{error.faults}. {'; '.join(ways)}. Try: {command}"  # type: ignore[attr-defined]  # it helps


def _joined(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
