"""The output of isoloss without a command: what it is, what to try, and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from isoloss._messages.extras import install_command
from isoloss.cli.examples import THREE

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_overview"]

# the package that a command needs beyond the core, and the extra that installs it
_NEEDS = {
    "reproduce": ("flint", "proof", "proofs need"),
    "explore": ("starlette", "explore", "needs"),
}


def print_overview(version: str, commands: Mapping[str, str]) -> None:
    """Print the overview; ``commands`` has each command's short help by its name."""
    from rich.console import Console

    console = Console(highlight=False)
    plain = not console.is_terminal  # readers of a pipe break lines themselves
    console.print(
        f"[bold]isoloss[/] {version}: what a learning-rate schedule does to the test loss at a "
        "given train loss.",
        soft_wrap=plain,
    )
    console.print("\n[bold]Try[/]")
    _columns(console, {command: what + _missing(command) for what, command in THREE}, "bold cyan")
    console.print("\n[bold]Commands[/]")
    _columns(console, commands, "cyan")
    console.print(
        "\n[cyan]isoloss COMMAND --help[/] shows options and examples; [cyan]isoloss "
        "--install-completion[/] lets the Tab key complete commands, options and names.",
        soft_wrap=plain,
    )


def _columns(console: Console, rows: Mapping[str, str], style: str) -> None:
    from rich.table import Table
    from rich.text import Text

    width = max(map(len, rows))
    if not console.is_terminal:
        for left, right in rows.items():
            console.print(Text(f"  {left:<{width}}  {right}"), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style=style)
    table.add_column()
    for left, right in rows.items():
        table.add_row(Text(f"  {left}"), Text(right))
    console.print(table)


def _missing(command: str) -> str:
    needs = _NEEDS.get(command.split()[1])
    if needs is None or find_spec(needs[0]) is not None:
        return ""
    return f" ({needs[2]} {install_command(needs[1])})"
