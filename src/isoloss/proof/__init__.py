"""Certify claims in interval arithmetic: each is proved, disproved or left undecided."""

try:
    import flint
    import sympy
except ImportError as error:
    from isoloss._messages.extras import install_command

    raise ImportError(
        f"proofs need python-flint and SymPy: {install_command('proof')} ({error})"
    ) from error
del flint, sympy

from isoloss.proof.bands import attainment, band
from isoloss.proof.boxes import for_all, leaves
from isoloss.proof.certificates import Certificate, theorem
from isoloss.proof.claims import certify
from isoloss.proof.exact_problem import ExactProblem
from isoloss.proof.identities import identity
from isoloss.proof.lemma2_statements import lemma2, lemma2_literal
from isoloss.proof.picture import draw_boxes

__all__ = [
    "Certificate",
    "ExactProblem",
    "attainment",
    "band",
    "certify",
    "draw_boxes",
    "for_all",
    "identity",
    "leaves",
    "lemma2",
    "lemma2_literal",
    "theorem",
]
