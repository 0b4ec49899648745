"""Proofs of the claims that `isoloss reproduce` computes, where they are available."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isoloss._messages.extras import install_command

__all__ = ["NOT_INSTALLED", "Proof", "proofs_of"]

NOT_INSTALLED = f"Proofs were left out: they need {install_command('proof')}."


@dataclass(frozen=True)
class Proof:
    """The certificate of a claim: its name, verdict and file.

    ``scope`` says whether it holds for ``"all"`` parameters of the claim, or for ``"one"`` problem.
    """

    name: str
    verdict: str
    expected: str
    scope: str
    json: str

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected

    def __str__(self) -> str:
        return f"{self.verdict} for {self.scope}"

    def link(self) -> str:
        """Return the verdict as a link to the certificate, for a report."""
        return f"[{self.verdict}](certificates/{self.name}.json) for {self.scope}"

    def row(self) -> dict[str, str]:
        """Return the proof's entry in ``claims.json``."""
        return {
            "verdict": self.verdict,
            "scope": self.scope,
            "certificate": f"certificates/{self.name}.json",
        }


def proofs_of(claims: Iterable[str]) -> dict[str, Proof]:
    """Prove the claims that have a proof; return nothing if the libraries are missing."""
    try:
        from isoloss.paper.proofs import EXPECTED, INSTANCES, certificate, name_of
    except ImportError:
        return {}
    found: dict[str, Proof] = {}
    by_name: dict[str, Proof] = {}
    for claim in claims:
        name = name_of(claim)
        if name is None:
            continue
        if name not in by_name:
            proof = certificate(name)
            scope = "one" if name in INSTANCES else "all"
            by_name[name] = Proof(name, proof.verdict, EXPECTED[name], scope, proof.to_json())
        found[claim] = by_name[name]
    return found
