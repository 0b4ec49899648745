"""Prove eq. (3) and (4) for given spectra, and that schedules alone attain both ends."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from flint import fmpq

from isoloss.problems.problem import Problem
from isoloss.proof.certificates import Certificate, theorem
from isoloss.proof.claims import certify
from isoloss.proof.exact_problem import ExactProblem, exact

__all__ = ["attainment", "band"]

_ENDS = {"lowest": min, "highest": max}


def band(train: Sequence[Any], test: Sequence[Any], end: str = "lowest") -> Certificate:
    """Prove eq. (3) or (4): the lowest, or highest, test loss on {L̂ = ε} is ε·min, or max, λ/γ.

    The proof holds for all ε > 0: both losses are quadratic forms, so the band scales with ε.

    Parameters
    ----------
    train, test : sequence of numbers
        Curvatures γ_i > 0 and λ_i, exact as in `ExactProblem`.
    end : {"lowest", "highest"}
        The end of the band to prove.

    Returns
    -------
    Certificate
        A theorem: λ_i - mγ_i has the same sign for all i, and the bound is attained.

    Raises
    ------
    ValueError
        If a γ_i is not positive: the band is then unbounded, or its end is not attained.

    Examples
    --------
    >>> band(["2/3", "1/3"], ["1/2", "1/2"])
    Certificate(proved: on {L̂ = ε}, for every ε > 0, the lowest test loss is 3/4·ε)
    """
    if end not in _ENDS:
        raise ValueError(f"end must be 'lowest' or 'highest'; got {end!r}")
    problem = ExactProblem.from_spectra(train, test, [1] * len(train))
    if min(problem.train) == 0:
        raise ValueError("the band needs positive train curvatures; got 0, whose λ/γ is unbounded")
    ratios = [lam / g for lam, g in zip(problem.test, problem.train, strict=True)]
    extreme = _ENDS[end](ratios)
    order = ">=" if end == "lowest" else "<="
    signs = " and ".join(
        f"test{i + 1} {order} {extreme} * train{i + 1}" for i in range(len(ratios))
    )
    at = ratios.index(extreme)
    squares = [fmpq(0)] * len(ratios)
    squares[at] = 1 / problem.train[at]
    point = ExactProblem.from_squares(problem.train, problem.test, squares)
    attained = f"train_loss == level and test_loss == {extreme} * level"
    met = certify(point, "flow", 1, attained, last_step="whole")
    return theorem(
        f"band-{end}",
        f"on {{L̂ = ε}}, for every ε > 0, the {end} test loss is {extreme}·ε",
        [
            f"With m = {extreme}: L_D - mε = Σ (λ_i - mγ_i) δ_i² on {{Σ γ_iδ_i² = ε}}, and "
            f"each λ_i {order} mγ_i.",
            f"At δ_{at + 1}² = ε/γ_{at + 1}, all others 0, the end is met; checked at ε = 1, and "
            "both losses are in proportion to δ².",
        ],
        [certify(point, "flow", 1, signs, last_step="whole"), met],
    )


def attainment(
    problem: ExactProblem | Problem, level: Any, end: str = "lowest"
) -> tuple[str, Certificate]:
    """Prove that a schedule alone ends with the lowest, or highest, test loss at a train loss.

    A step at η = 1/(2γ_j) removes direction j exactly. If such steps would bring the loss below
    the level, one large step before them keeps it above; a final flow then reaches the level.

    Parameters
    ----------
    problem : ExactProblem or Problem
        A commuting problem; directions at rest or without train curvature are ignored.
    level : number
        The train loss ε: positive and below the start's.
    end : {"lowest", "highest"}
        The end of the band to attain.

    Returns
    -------
    schedule : str
        The schedule, in units of 1/γ₁.
    Certificate
        Proof that it reaches the level with a test loss of exactly ε·λ_i/γ_i for the extreme i.

    Raises
    ------
    ValueError
        If the level is out of range, or another direction has the same curvature as the extreme.

    Examples
    --------
    >>> problem = ExactProblem.from_spectra([1, "1/2", "1/5"], [1, 1, 3], [2, 3, 4])
    >>> attainment(problem, "1/10", "highest")[0]
    'gd(1/2, 1) > gd(1, 1) > flow'
    """
    if end not in _ENDS:
        raise ValueError(f"end must be 'lowest' or 'highest'; got {end!r}")
    problem, goal = ExactProblem.of(problem), exact("level", level)
    weights = [g * s for g, s in zip(problem.train, problem.start_squared, strict=True)]
    moving = [i for i, w in enumerate(weights) if w > 0]
    if not 0 < goal < problem.start_train_loss:
        raise ValueError(
            f"level must be between 0 and the start's train loss {problem.start_train_loss}; "
            f"got {goal}"
        )
    ratios = {i: problem.test[i] / problem.train[i] for i in moving}
    extreme = _ENDS[end](ratios.values())
    others = [i for i in moving if ratios[i] != extreme]
    removed = {problem.train[i] for i in others}
    at = next((i for i in moving if ratios[i] == extreme and problem.train[i] not in removed), None)
    if at is None:
        raise ValueError(
            "the direction of the extreme λ/γ has the train curvature of another direction: no "
            "schedule separates equal eigenvalues"
        )
    top = max(problem.train)
    removing = [top / (2 * g) for g in sorted(removed, reverse=True)]
    left = [(1 - 2 * rate * problem.train[at] / top) ** 2 for rate in removing]
    # the loss that remains in the direction must stay above the level until the last step
    least = min(accumulate(left, operator.mul, initial=fmpq(1)))
    large = fmpq(1)
    while (1 - 2 * large * problem.train[at] / top) ** 2 * weights[at] * least <= goal:
        large *= 10
    rates = removing if weights[at] * least > goal else [large, *removing]
    schedule = " > ".join([*(f"gd({rate}, 1)" for rate in rates), "flow"])
    at_rest = [i for i in range(len(weights)) if problem.train[i] == 0]
    frozen = sum((problem.test[i] * problem.start_squared[i] for i in at_rest), problem.noise)
    rest = f" + {frozen}" if frozen != 0 else ""
    claim = f"reached and test_loss == {extreme} * level{rest}"
    return schedule, certify(problem, schedule, goal, claim, last_step="whole")
