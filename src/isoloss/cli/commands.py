"""What all commands share: examples in their help, and how they stop."""

from __future__ import annotations

import re
import signal
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from isoloss.cli.examples import EXAMPLES, THREE, Examples

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MARKUP", "Command", "Commands", "print_examples", "print_lines", "stop"]

# boxes and colours for a person at a terminal; plain text in a pipe
MARKUP: Any = "rich" if sys.stdout is not None and sys.stdout.isatty() else None


class Command(TyperCommand):
    """A command with examples, which remembers its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, and keep them for messages that suggest another call."""
        ctx.meta["arguments"] = list(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then the examples."""
        # a paragraph is wrapped where the terminal ends, not where the docstring's lines do
        self.help = re.sub(r"(?<!\n)\n *(?!\n)", " ", self.help or "")
        super().format_help(ctx, formatter)
        _flush(formatter)
        print_examples(EXAMPLES[str(self.name)])


class Commands(TyperGroup):
    """All commands, with what to try first; Ctrl-C stops one with a line."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then what to try."""
        super().format_help(ctx, formatter)
        _flush(formatter)
        print_examples(THREE)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stop()


def stop(what: str = "") -> NoReturn:
    """Say in one line that Ctrl-C has stopped the command, and what it leaves."""
    typer.echo(f"isoloss: stopped{'; ' * bool(what)}{what}", err=True)
    raise typer.Exit(130) from None


def print_examples(examples: Examples, title: str = "Examples:") -> None:
    """Print examples, for a person or for a pipe."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)  # commands are copied whole
    console.print(f"[bold]{title}[/]")
    for what, text in examples:
        console.print(Text(f"  # {what}", style="dim"))
        console.print(Text(textwrap.indent(text, "  "), style="cyan"))


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines set in, on a terminal also where they are wrapped."""
    from rich.padding import Padding

    for line in lines:
        if console.is_terminal:
            console.print(Padding(line, (0, 0, 0, 2)))
        else:
            console.print(f"  {line}", soft_wrap=True)


def _flush(formatter: Any) -> None:
    """Print what plain help has gathered, for something to follow it."""
    text = formatter.getvalue()
    if text:
        typer.echo(text)
        formatter.buffer.clear()
