"""Print the paper's claims: as a table on a terminal, and one per line in a pipe."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from isoloss.cli.proofs import NOT_INSTALLED

if TYPE_CHECKING:
    from isoloss.cli.proofs import Proof
    from isoloss.paper import Claim

__all__ = ["show"]

_WIDE = 110  # terminals from this width on get a separate column of computed values
_LEGEND = (
    "In floating point: at points. Proved: rigorous, for all parameters of a claim, or for one "
    "problem; -: not proved."
)


def show(results: Sequence[Claim], proofs: Mapping[str, Proof], out: Path) -> None:
    """Print the results, whether they are as expected, and where to look next."""
    console = Console(highlight=False)
    plain = not console.is_terminal
    if plain:
        _lines(console, results, proofs)
    else:
        console.print(_table(console.width, results, proofs))
    unexpected = [claim.id for claim in results if not claim.as_expected]
    unexpected += [name for name, proof in proofs.items() if not proof.as_expected]
    beyond = sum(claim.place.startswith("beyond") for claim in results)
    count = f"{len(results)} claims, {beyond} of them beyond the paper,"
    parts = [f"[bold green]All {count} come out as expected.[/]"]
    if unexpected:
        parts = [f"[bold red]Other than expected:[/] {', '.join(unexpected)}"]
    parts.append(f"[dim]{_LEGEND}[/]" if proofs else NOT_INSTALLED.replace("[", r"\["))
    wrote = "report.html, claims.json, certificates and three figures"
    if not proofs:
        wrote = wrote.replace(" certificates and", "")
    console.print("\n" + "\n\n".join(parts), soft_wrap=plain)
    console.print(Text(f"\nWrote {wrote} to {out}"), soft_wrap=plain)
    last = f"Open {out / 'report.html'}; next, on real data: isoloss compare diabetes"
    console.print(Text(last, style="cyan"), soft_wrap=plain)


def _lines(console: Console, results: Sequence[Claim], proofs: Mapping[str, Proof]) -> None:
    width = max(len(claim.id) for claim in results)
    verdicts = max(len(claim.verdict) for claim in results)
    for claim in results:
        proved = f"{proofs.get(claim.id, '-')!s:<17}  " if proofs else ""
        line = f"{claim.id:<{width}}  {claim.verdict:<{verdicts}}  {proved}{claim.computed}"
        console.print(Text(line), soft_wrap=True)


def _table(width: int, results: Sequence[Claim], proofs: Mapping[str, Proof]) -> Table:
    wide = width >= _WIDE
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Claim", ratio=None if wide else 1, no_wrap=wide)
    table.add_column("In floating point", width=23 if wide else 18)
    if proofs:
        table.add_column("Proved", no_wrap=True)
    if wide:
        table.add_column("Computed", ratio=1)
    places = itertools.groupby(results, lambda claim: claim.place.partition(",")[0])
    for place, group in places:
        table.add_row(Text(place[0].upper() + place[1:], style="cyan"))
        for claim in group:
            proof = proofs.get(claim.id)
            name, computed = Text(f"  {claim.id}", style="bold"), Text(claim.computed, style="dim")
            cells: list[RenderableType] = [name]
            if not wide:
                cells = [Group(name, Padding(computed, (0, 0, 0, 4)))]
            good = claim.verdict.startswith("holds")
            cells.append(Text(claim.verdict, style=_style(claim.as_expected, good)))
            if proofs:
                good = proof is not None and proof.verdict == "proved"
                expected = proof is None or proof.as_expected
                style = _style(expected, good) if proof else "dim"
                cells.append(Text(str(proof or "-"), style=style))
            table.add_row(*cells, *[computed] * wide)
    return table


def _style(expected: bool, good: bool) -> str:
    if not expected:
        return "red"
    return "green" if good else "yellow"  # for a failure that is the expected result
