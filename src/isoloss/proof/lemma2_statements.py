"""Prove Lemma 2 on an exact instance: the conditions, each step of the proof, the conclusion."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flint import fmpq

from isoloss.checker.flint_precision import precision
from isoloss.problems.problem import Problem
from isoloss.proof.certificates import Certificate, theorem
from isoloss.proof.claims import certify
from isoloss.proof.exact_problem import ExactProblem, exact
from isoloss.proof.interval import power, upper

__all__ = ["lemma2", "lemma2_literal"]

_RATE = "gd(1, {}) > flow"


def lemma2(
    problem: ExactProblem | Problem,
    block: Sequence[int],
    level: Any,
    steps: int,
    alpha: Any = None,
) -> Certificate:
    """Prove Lemma 2 (appendix A.1) on a commuting instance, with an explicit constant.

    Parameters
    ----------
    problem : ExactProblem or Problem
        The instance.
    block : sequence of int
        The block S of small eigenvalues: the indices of its directions, from 0.
    level : number
        The train loss ε; must be positive.
    steps : int
        The number K of steps at the rate η = 1/γ_1; at least 1.
    alpha : number, optional
        α in (0, 1); by default about the smallest α that condition 2 allows, in a weaker form than
        the paper's, with the sum Σ_S γ_jδ_j(0)².

    Returns
    -------
    Certificate
        A theorem whose parts are the conditions, the proof's steps and both bounds. If a condition
        fails, the lemma says nothing: the verdict is ``"undecided"``, with the reason.

    Raises
    ------
    ValueError
        If the problem does not commute or is noisy, or an argument is out of range.

    Examples
    --------
    >>> problem = ExactProblem.from_squares(["2/3", "1/3"], ["1/2", "1/2"], [100000, 100000])
    >>> lemma2(problem, [1], "1/10", 10, "1/10").verdict
    'proved'
    """
    problem, goal = ExactProblem.of(problem), exact("level", level)
    inside, outside = _split(problem, block)
    if goal <= 0:
        raise ValueError(f"level must be positive; got {goal}")
    if isinstance(steps, bool) or (steps := operator.index(steps)) < 1:
        raise ValueError(f"steps must be a whole number of at least 1; got {steps!r}")
    if problem.noise != 0:
        raise ValueError("Lemma 2 is about problems without label noise")
    g = problem.train
    if min(g[i] for i in inside) == 0:
        raise ValueError("the block has a direction without train curvature; leave it out")
    weights = [a * b for a, b in zip(g, problem.start_squared, strict=True)]
    mass, rest = (sum((weights[i] for i in some), fmpq(0)) for some in (inside, outside))
    if mass == 0:
        raise ValueError("the block starts at rest: its directions have δ(0) = 0")
    slowest = max(g[i] for i in inside)
    gap = min((g[i] / slowest for i in outside), default=fmpq(2))
    allowed = _alpha(rest, goal, mass, gap) if alpha is None else exact("alpha", alpha)
    if not 0 < allowed < 1:
        raise ValueError(
            f"alpha must be between 0 and 1; got {allowed}"
            if alpha is not None
            else "condition 2 holds for no alpha below 1"
        )
    both = {"flow": "flow", "annealed": _RATE.format(steps)}
    claims, bounds = _claims(problem, inside, outside, f"({gap})", f"({allowed})", steps)
    return theorem(
        "lemma2",
        f"Lemma 2 for {problem!r}, S = {{{', '.join(str(i + 1) for i in inside)}}}, "
        f"ε = {goal}, α = {allowed}, K = {steps}",
        [
            f"The gap: γ_i ≥ {gap}·γ_k > γ_k outside S. Condition 1: γ_1δ_1(0)² ≥ ε. "
            "Condition 2, with Σ_S γ_jδ_j(0)² in place of |S|γ_{j*}δ_{j*}(0)².",
            "The proof's steps: a bound on the stopping time; at most αε of train loss outside S; "
            "at least (1 - α)ε inside; and the test loss of that.",
            "The conclusion: both bounds, that of part 2 with its constant written out.",
        ],
        [
            *(certify(problem, "flow", goal, claim, last_step="whole") for claim in claims),
            certify(problem, both, goal, bounds, last_step="whole"),
        ],
    )


def _claims(
    problem: ExactProblem,
    inside: Sequence[int],
    outside: Sequence[int],
    gap: str,
    alpha: str,
    steps: int,
) -> tuple[list[str], str]:
    """Return the claims about the flow (conditions, then proof steps), and both bounds."""
    g, lam = problem.train, problem.test
    top = max(g)
    chief = [i for i in range(len(g)) if g[i] == top]
    k = max(inside, key=lambda i: g[i]) + 1
    bottom = min(inside, key=lambda i: lam[i] / g[i]) + 1
    peak = max(chief, key=lambda i: lam[i] / g[i]) + 1
    mass, in_block = _added("train{0} * square{0}", inside), _added("part{0}", inside)
    claims = [
        " and ".join([f"{gap} > 1", *(f"train{i + 1} >= {gap} * train{k}" for i in outside)]),
        f"{_added('train{0} * square{0}', chief)} >= level",
        f"({_added('train{0} * square{0}', outside)}) * (level / ({mass}))**{gap} "
        f"<= {alpha} * level",
        f"exp(-4 * train{k} * time) <= level / ({mass})",
        f"{_added('part{0}', outside)} <= {alpha} * level",
        f"{in_block} >= (1 - {alpha}) * level",
        f"test_loss >= test{bottom} / train{bottom} * ({in_block})",
    ]
    left = f"(1 - 2 * train{{0}} / train{peak})**{2 * steps} * test{{0}} * square{{0}}"
    others = [left.format(i + 1) for i in range(len(g)) if g[i] != top]
    bounds = [
        "flow.reached",
        "annealed.reached",
        f"flow.test_loss >= level * (1 - {alpha}) * test{bottom} / train{bottom}",
        "annealed.test_loss <= " + _sum([f"level * test{peak} / train{peak}", *others]),
    ]
    return claims, " and ".join(bounds)


def lemma2_literal() -> Certificate:
    """Disprove part 2 of Lemma 2 if exp(-Ω(K)) is read as c^K, c = max |1 - 2γ_i/γ_1| < 1.

    The counterexample has two dimensions, the fewest with a γ_i ≠ γ_1, and an isotropic test loss:
    γ = (1, 1/4), λ = (1, 1), δ(0) = (1, 4), ε = 1/2, one step.

    Returns
    -------
    Certificate
        ``"disproved"``: the conditions hold, but the bound does not.

    Examples
    --------
    >>> lemma2_literal().verdict
    'disproved'
    """
    problem = ExactProblem.from_spectra([1, "1/4"], [1, 1], [1, 4])
    annealed = {"annealed": _RATE.format(1)}
    claims = [
        "train1 >= 4 * train2",
        "train1 * square1 >= level",
        "train1 * square1 * (level / (train2 * square2))**4 <= 1/2 * level",
        "annealed.reached and annealed.test_loss > 1.8",
        "annealed.test_loss <= level * test1 / train1 + abs(1 - 2 * train2 / train1)**1",
    ]
    return theorem(
        "lemma2-literal",
        "part 2 of Lemma 2 read literally: γ = (1, 1/4), λ = (1, 1), δ(0) = (1, 4), ε = 1/2, "
        "S = {2}, α = 1/2, K = 1, c = |1 - 2·(1/4)/1| = 1/2: L_D ≤ ελ_1/γ_1 + c^K = 1",
        [
            "Both conditions hold, with 1 + p = γ_1/γ_2 = 4, and |S| γ_2δ_2(0)² = 4.",
            "One step at η = 1 turns δ into (-1, 2); at train loss 1/2 the flow leaves "
            "δ_1² + δ_2² above 1.8, which is more than 1/2 + 1/2.",
            "In one dimension there is no γ_i ≠ γ_1, and the bound holds with equality.",
        ],
        [certify(problem, annealed, "1/2", claim, last_step="whole") for claim in claims],
    )


def _alpha(rest: fmpq, level: fmpq, mass: fmpq, gap: fmpq) -> fmpq:
    """Return the smallest α for condition 2, rounded up to two digits or to hundredths."""
    if rest == 0:
        return fmpq(1, 100)
    with precision(64):
        mantissa, exponent = upper(power(level / mass, gap) * (rest / level)).man_exp()
    needed = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    if needed >= 1:
        return fmpq(1)
    unit = Fraction(1, 10 ** max(2, 1 - math.floor(math.log10(max(float(needed), 1e-300)))))
    rounded = max(math.ceil(needed / unit), 1) * unit
    return fmpq(rounded.numerator, rounded.denominator)


def _split(problem: ExactProblem, block: Sequence[int]) -> tuple[list[int], list[int]]:
    d = len(problem.train)
    try:
        inside = sorted({int(i) for i in block})
    except (TypeError, ValueError):
        raise TypeError(f"block must be a list of directions; got {block!r}") from None
    if not inside or inside[0] < 0 or inside[-1] >= d or len(inside) != len(list(block)):
        raise ValueError(
            f"block must hold different directions from 0 to {d - 1}; got {list(block)}"
        )
    return inside, [i for i in range(d) if i not in inside]


def _added(pattern: str, some: Sequence[int]) -> str:
    """Return the text of a sum over directions."""
    return _sum([pattern.format(i + 1) for i in some])


def _sum(terms: Sequence[str]) -> str:
    """Add terms by halves, so that long sums are not deeply nested."""
    if len(terms) <= 8:
        return " + ".join(terms) or "0"
    middle = len(terms) // 2
    return f"({_sum(terms[:middle])}) + ({_sum(terms[middle:])})"
