"""``isoloss reproduce``: compute and judge every claim of the paper."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isoloss.cli.commands import reported

if TYPE_CHECKING:
    from isoloss.cli.proofs import Proof
    from isoloss.paper import Claim

__all__ = ["reproduce"]

_KINDS = ("png", "pdf", "svg")
_ROUNDING = 1e-11  # margins up to this are shown as 0
_HEADS = ["Claim", "Place", "Statement", "Computed", "In floating point", "Proved"]
_KEYS = (
    *("id", "place", "statement", "formula", "parameters", "computed", "margin"),
    *("verdict", "expected", "as_expected", "numbers"),
)  # of claims.json
_FIGURES = {
    "figure1": (
        "Figure 1",
        "The paper's Figure 1 from the real trajectories: (a) gradient flow and (b) a large rate, "
        "then flow, over contours of the train loss, both stopped on the same red ellipse; (c) "
        "both end points over contours of the test loss.",
    ),
    "losses": (
        "Same train loss, twice the test loss",
        "Test loss against train loss on Proposition 1's instance. Gradient flow runs along the "
        "upper end of the band of eq. (3) and (4), the annealed run along the lower end; the ratio "
        "tends to 2.",
    ),
    "batches": (
        "Beyond the paper: minibatches",
        "Expected test loss after K minibatch steps at the largest rate that is stable in mean "
        "square, then flow, over that of gradient flow at the same expected train loss. With one "
        "row a batch annealing gains nothing, unless each run is stopped at its own train loss.",
    ),
}
_EXPLICIT = (
    "“Holds with the constant written out” marks a statement whose Ω(K) hides a constant that must "
    "not be read as 1; the same statement read literally fails, as the row lemma2-annealed-literal "
    "counts."
)
_PROVED = (
    "Computed is floating point at points. Proved is rigorous: interval arithmetic and exact "
    "identities, for all parameters of the claim or for one problem; isoloss verify checks a "
    "certificate by code that shares nothing with the prover."
)


def reproduce(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder for the report, figures and claims.json.")
    ] = Path("isoloss-reproduce"),
    alpha: Annotated[float, typer.Option(help="Proposition 1's α, between 0 and 1.")] = 0.1,
    epsilon: Annotated[
        float, typer.Option(help="Train loss ε to stop at, between 0 and 1.")
    ] = 0.01,
    steps: Annotated[int, typer.Option(help="Steps K at the large rate, at least 1.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the random instances.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that isoloss did not make.")
    ] = False,
) -> None:
    """Compute and judge every claim of the paper, and draw its figures.

    Five more claims are about its example with minibatches, beyond the paper.

    The command prints a table of claims and writes report.html, claims.json and the figures (PNG,
    PDF, SVG). The exit status is 1 if the result of a claim is not as expected.
    """
    from rich.console import Console

    from isoloss._files import claimed, prepare_folder, write_text
    from isoloss.cli.claims_output import show
    from isoloss.cli.proofs import proofs_of
    from isoloss.paper import claims, figures
    from isoloss.paper.stochastic_figure import batches_figure
    from isoloss.reports.page import write_report
    from isoloss.reports.plotting import save

    kept = "nothing was written"
    with reported(context, left=lambda: kept):
        context.with_resource(claimed(out, force=force))
        with Console(stderr=True).status("Computing the claims") as status:
            results = claims(alpha=alpha, epsilon=epsilon, steps=steps, seed=seed)
            status.update("Proving what has a proof")
            proofs = proofs_of(claim.id for claim in results)
            status.update("Drawing the figures")
            drawn = {
                "figure1": figures.figure1(),
                "losses": figures.losses_figure(alpha, steps),
                "batches": batches_figure(seed),
            }
            prepare_folder(out, force=force)
            kept = f"not all was written to {out}"
            for name, figure in drawn.items():
                save(figure, out, name, _KINDS)
            for name, proof in {proof.name: proof for proof in proofs.values()}.items():
                prepare_folder(out / "certificates", force=True)
                write_text(out / "certificates" / f"{name}.json", proof.json)
            write_text(out / "claims.json", _as_json(results, proofs))
            write_report(
                out / "report.html",
                "Learning-rate annealing can provably help generalization: the paper, computed",
                _sections(results, drawn, proofs),
                lead="Every claim of Nakkiran (2020), computed in closed form and judged. Two "
                "optimizers at the same train loss differ in test loss by up to a factor of 2. "
                "Claims beyond the paper, about minibatches, are marked so.",
                svgs={drawn[name]: (out / f"{name}.svg").read_bytes() for name in drawn},
            )
    show(results, proofs, out)
    good = all(proof.as_expected for proof in proofs.values())
    if not (good and all(claim.as_expected for claim in results)):
        raise typer.Exit(1)


def _as_json(results: Sequence[Claim], proofs: Mapping[str, Proof]) -> str:
    rows = [
        {
            **{key: getattr(claim, key) for key in _KEYS},
            "margin": claim.margin if math.isfinite(claim.margin) else None,
            "proof": proofs[claim.id].row() if claim.id in proofs else None,
        }
        for claim in results
    ]
    return json.dumps({"claims": rows}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _sections(
    results: Sequence[Claim], drawn: dict[str, Any], proofs: Mapping[str, Proof]
) -> list[Any]:
    from isoloss.cli.proofs import NOT_INSTALLED
    from isoloss.reports.page import HtmlTable, Picture, Section

    claims, parameters = [], []
    for claim in results:
        statement = f"{claim.statement}: ${claim.formula}$"
        proof = proofs[claim.id].link() if claim.id in proofs else "–"
        claims.append([claim.id, claim.place, statement, claim.computed, str(claim.verdict), proof])
        given = ", ".join(f"{key} = {value}" for key, value in claim.parameters.items())
        margin = f"{claim.margin:.2g}" if abs(claim.margin) > _ROUNDING else "0"
        parameters.append([claim.id, given, margin])
    marks = ["good" if claim.as_expected else "bad" for claim in results]
    table = HtmlTable(_HEADS, claims, marks=marks)
    return [
        *(Section(title, [Picture(drawn[n], text)]) for n, (title, text) in _FIGURES.items()),
        Section("Claims", [_EXPLICIT, _PROVED if proofs else NOT_INSTALLED, table]),
        Section("Parameters", [HtmlTable(["Claim", "Computed for", "Margin"], parameters)]),
    ]
