"""Claims certified in interval arithmetic: proved, disproved or undecided; never guessed."""

try:
    import flint
    import sympy
except ImportError as error:
    from isoloss._extras import install_command

    raise ImportError(
        f"proofs need python-flint and SymPy: {install_command('proof')} ({error})"
    ) from error
del flint, sympy

from isoloss.proof.band import attainment, band
from isoloss.proof.boxes import for_all, leaves
from isoloss.proof.certificate import Certificate, theorem
from isoloss.proof.certify import certify
from isoloss.proof.exact import ExactProblem
from isoloss.proof.identity import identity
from isoloss.proof.lemma2 import lemma2, lemma2_literal
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
