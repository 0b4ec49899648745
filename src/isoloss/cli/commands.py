"""Shared parts of all commands: examples in their help, and how they stop."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from isoloss._files import OutputError
from isoloss.cli.examples import EXAMPLES, THREE, Examples

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MARKUP", "Command", "Commands", "print_examples", "print_lines", "reported", "stop"]

# boxes and colours on a terminal; plain text in a pipe
MARKUP: Any = "rich" if sys.stdout is not None and sys.stdout.isatty() else None


class Command(TyperCommand):
    """A command that has examples and remembers its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, and keep them for messages that suggest another command."""
        ctx.meta["arguments"] = list(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then the examples."""
        # join the docstring's lines, so that paragraphs are wrapped at the terminal's width
        self.help = re.sub(r"(?<!\n)\n *(?!\n)", " ", self.help or "")
        super().format_help(ctx, formatter)
        _flush(formatter)
        print_examples(EXAMPLES[str(self.name)])


class Commands(TyperGroup):
    """All commands, with suggestions on what to try first; Ctrl-C stops a command with one line."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then suggestions on what to try."""
        super().format_help(ctx, formatter)
        _flush(formatter)
        print_examples(THREE)

    def invoke(self, ctx: Any) -> Any:
        """Run the requested command."""
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stop()


@contextlib.contextmanager
def reported(
    context: typer.Context,
    *more: type[Exception],
    left: Callable[[], str] = lambda: "nothing was written",
) -> Iterator[None]:
    """On a user's error or Ctrl-C, end the command with one line and an exit status.

    ``more`` has errors specific to this command; ``left`` says what Ctrl-C leaves behind.
    """
    expected = (ValueError, TypeError, ImportError, OutputError, OSError)
    try:
        yield
    except expected + more as error:
        typer.echo(f"isoloss: error: {_message(error, context)}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        stop(left())


def _message(error: Exception, context: typer.Context) -> str:
    """Return an error's message; for unusable columns, add options that help and a command."""
    helps = getattr(error, "helps", ())
    if not helps:
        return "not enough memory" if isinstance(error, MemoryError) else str(error)
    ways = [f"{_joined(each.words)} {each.effect}" for each in helps]
    added = [word for each in helps if not each.instead for word in each.words]
    command = _joined([*context.command_path.split(), *context.meta["arguments"], *added])
    return f"{error.faults}. {'; '.join(ways)}. Try: {command}"  # type: ignore[attr-defined]  # it helps


def _joined(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def stop(what: str = "") -> NoReturn:
    """Print one line that says that Ctrl-C stopped the command, and what it leaves behind."""
    typer.echo(f"isoloss: stopped{'; ' * bool(what)}{what}", err=True)
    raise typer.Exit(130) from None


def print_examples(examples: Examples, title: str = "Examples:") -> None:
    """Print examples to a terminal or a pipe."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)  # so that commands can be copied whole
    console.print(f"[bold]{title}[/]")
    for what, text in examples:
        console.print(Text(f"  # {what}", style="dim"))
        console.print(Text(textwrap.indent(text, "  "), style="cyan"))


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print indented lines; on a terminal, wrapped lines are indented too."""
    from rich.padding import Padding

    for line in lines:
        if console.is_terminal:
            console.print(Padding(line, (0, 0, 0, 2)))
        else:
            console.print(f"  {line}", soft_wrap=True)


def _flush(formatter: Any) -> None:
    """Print the plain help gathered so far, so that the examples follow it."""
    if text := formatter.getvalue():
        typer.echo(text)
        formatter.buffer.clear()
