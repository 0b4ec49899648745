"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from isoloss import cli

__all__ = ["described", "setup"]


def _text(value: str) -> str:
    """Return a help text as reStructuredText, with literal options."""
    escaped = re.sub(r"([\\*_`|]|://)", r"\\\1", value.replace("  [", " ["))
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"``\1``", escaped)


def _section(name: str, command: Any) -> Iterator[str]:
    context = command.make_context(f"isoloss {name}", [], resilient_parsing=True)
    usage = " ".join([f"isoloss {name}", *command.collect_usage_pieces(context)])
    title = f"isoloss {name}"
    yield from (title, "-" * len(title), "", ".. code-block:: text", "", f"   {usage}", "")
    for paragraph in (command.help or "").split("\n\n"):
        yield from (_text(" ".join(paragraph.split())), "")
    for option in command.params:
        head, text = option.get_help_record(context)
        yield from (f"``{head}``", f"   {_text(text)}", "")


def described() -> str:
    """Return a section for each command: usage, text, arguments and options."""
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]  # a group
    return "\n".join(line for name in commands for line in _section(name, commands[name]))


class Commands(SphinxDirective):
    """The directive ``isoloss-commands``."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        for path in Path(cli.__file__).parent.glob("*.py"):  # built anew when one of them changes
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(described(), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("isoloss-commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
