"""isoloss certify: prove the paper's statements, or a user's claim."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isoloss.cli.commands import reported
from isoloss.cli.completion import STATEMENTS, complete

if TYPE_CHECKING:
    from isoloss.proof import Certificate

__all__ = ["certify"]

_OPTION = {"rich_help_panel": "A claim of your own"}


def certify(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            autocompletion=complete(("all", "list"), STATEMENTS),
            help="A statement of the paper, 'all', or 'list' to see their names.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the certificates here, as NAME.json."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that isoloss did not make.")
    ] = False,
    claim: Annotated[
        str | None,
        typer.Option(help="Such as 'annealed.test_loss <= 3/4 * level'.", **_OPTION),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="γ1,γ2,…", help="Train curvatures: 2/3,1/3 or 0.5,0.1.", **_OPTION),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="λ1,λ2,…", help="Test curvatures.", **_OPTION)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="δ1,δ2,…", help="The residual at the start.", **_OPTION),
    ] = None,
    level: Annotated[
        str | None, typer.Option(metavar="ε", help="The train loss to stop at.", **_OPTION)
    ] = None,
    noise: Annotated[
        str, typer.Option(metavar="σ²", help="The variance of the label noise.", **_OPTION)
    ] = "0",
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]TEXT",
            help="Such as 'annealed=gd(1, 10) > flow', rates in units of 1/γ₁; may be repeated.",
            **_OPTION,
        ),
    ] = None,
    last_step: Annotated[
        Literal["exact", "whole"],
        typer.Option(
            help="Whether the step that reaches the level is shortened to end at it exactly, or "
            "taken whole.",
            **_OPTION,
        ),
    ] = "exact",
    max_precision: Annotated[
        int, typer.Option(metavar="BITS", help="Where to give up.", **_OPTION)
    ] = 4096,
) -> None:
    """Prove the paper's statements, or a claim of your own, rigorously.

    Floating point shows a claim only at points; a certificate proves it, and isoloss
    verify checks the certificate with independent code.

    The exit status is 0 if every verdict is as expected and your own claim is proved;
    otherwise it is 1.
    """
    from isoloss._files import claimed, prepare_folder, write_text

    own = {"claim": claim, "train": train, "test": test, "start": start, "schedule": schedule}
    with reported(context):
        options = {"level": level, "last_step": last_step, "max_precision": max_precision}
        found = _chosen(name, own, noise, options)
        if name == "list":
            return
        context.with_resource(claimed(out, force=force))
        folder = None if out is None else prepare_folder(out, force=force)
        good, count = True, 0
        for each, proof in found:
            good &= _print(each, proof, short=name == "all")
            count += 1
            if folder is not None:
                write_text(folder / f"{each}.json", proof.to_json())
    if folder is not None:
        typer.echo(f"Wrote {count} certificate{'s' * (count > 1)} to {folder}")
    if not good:
        raise typer.Exit(1)


def _chosen(
    name: str | None, own: dict[str, Any], noise: str, options: dict[str, Any]
) -> Iterator[tuple[str, Certificate]]:
    level = options["level"]
    given = [key for key, value in (own | {"level": level}).items() if value is not None]
    if name is not None and given:
        raise ValueError(
            f"{name!r} is a statement of the paper, --{given[0]} is for a claim of your own: give "
            "one of them"
        )
    if name is not None:
        return _named(name)
    missing = [key for key, value in own.items() if value is None]
    if not given:
        raise ValueError("give a statement's name, 'all' or 'list'; or --claim and its data")
    if missing:
        raise ValueError(f"a claim of your own needs --{' and --'.join(missing)}")
    if level is None and re.search(r"\blevel\b", own["claim"]):
        raise ValueError("the claim speaks of the level: give --level")
    return iter([("claim", _own(own, noise, options))])


def _named(name: str) -> Iterator[tuple[str, Certificate]]:
    from isoloss._messages.near_misses import suggest
    from isoloss.paper.proofs import INSTANCES, NAMES, certificate, certificates

    if name == "list":
        for each, proof in certificates():
            scope = "one problem" if each in INSTANCES else "all"
            typer.echo(f"{each:<24} {scope:<12} {proof.claim}")
        return iter(())
    if name == "all":
        return certificates()
    try:
        return iter([(name, certificate(name))])
    except KeyError:
        raise ValueError(
            f"there is no statement {name!r}{suggest(name, NAMES)}; known: all, {', '.join(NAMES)}"
        ) from None


def _own(own: dict[str, Any], noise: str, options: dict[str, Any]) -> Certificate:
    from isoloss.proof import ExactProblem
    from isoloss.proof import certify as prove

    spectra = [[part.strip() for part in own[key].split(",")] for key in ("train", "test", "start")]
    schedules: dict[str, str] = {}
    for text in own["schedule"]:
        name, mark, rest = text.partition("=")
        name, rest = (name.strip(), rest) if mark else ("", text)
        if name in schedules:
            shown = f"are called {name!r}" if name else "have no name"
            raise ValueError(f"two schedules {shown}; name them, as in NAME=TEXT")
        schedules[name] = rest.strip()
    problem = ExactProblem.from_spectra(*spectra, noise=noise)
    return prove(problem, schedules, claim=own["claim"], **options)


def _print(name: str, proof: Certificate, *, short: bool) -> bool:
    """Print what was proved; return whether the verdict is as expected."""
    from rich.console import Console

    from isoloss.paper.proofs import EXPECTED, name_of

    console = Console(highlight=False)
    good = proof.verdict == EXPECTED.get(name_of(name) or "", "proved")
    colour = "green" if good else "red"
    if short:
        console.print(f"[bold]{name:<24}[/] [{colour}]{proof.verdict}[/]", soft_wrap=True)
        return good
    verdict, _, rest = str(proof).partition(":")
    console.print(f"[{colour}]{verdict}[/]:", end="")
    console.print(rest, markup=False, soft_wrap=not console.is_terminal)
    return good
