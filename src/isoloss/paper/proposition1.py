"""Check Proposition 1: with probability 3/4, test losses differ by a factor of almost two."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from isoloss.dynamics.training import train
from isoloss.paper.claim import Claim
from isoloss.paper.two_dimensions import (
    draws,
    example,
    probability_of_full_rank,
    proposition_target,
)
from isoloss.problems.problem import Problem
from isoloss.problems.spectra import spectra_of
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.phases import GradientFlow

__all__ = ["grid", "proposition1_claims"]

_LR = 1.5  # η = 1/γ_1, with γ_1 = 2/3
_ALPHAS = (0.9, 0.5, 0.1, 0.001)
_EPSILONS = (0.999, 0.1, 1e-6)
_STEPS = (1, 2, 10, 1000)
_LONG = (2000, 2001, 10**6)


def grid(values: Sequence[float], own: float) -> tuple[float, ...]:
    """Return the grid's values and the user's own value, largest first."""
    return tuple(sorted({*values, own}, reverse=True))


def proposition1_claims(alpha: float, epsilon: float, steps: int) -> list[Claim]:
    """Check both parts of Proposition 1 over a grid of α, ε and K, and the remaining draws."""
    alphas, epsilons = grid(_ALPHAS, alpha), grid(_EPSILONS, epsilon)
    counts = tuple(int(k) for k in grid(_STEPS, steps))
    both = [draw for draw in draws() if all(draw.counts)]
    probability = probability_of_full_rank()
    levels = np.array(epsilons)
    least, flows, most, anneals = [], [], [], []
    for draw, a in itertools.product(both, alphas):
        problem = example(draw.counts, proposition_target(a))
        least.append([1.5 * (1.0 - a)])
        flows.append(train(problem, GradientFlow(), train_loss=levels).test_loss / levels)
        # 1 - 2γ_2/γ_1 = 0, so exp(-Ω(K)) is exactly 0 for K ≥ 1, except for a small rest,
        # because float64's 1/3 is not exactly one third
        most.append([0.75 + _rounding_rest(problem, k) / levels for k in counts])
        runs = train(
            problem, [anneal(_LR, k) for k in counts], train_loss=levels, last_step="whole"
        )
        anneals.append(runs.test_loss / levels)
    flow, annealed = np.array(flows), np.array(anneals)
    lowest, highest = float(annealed.min()), float(annealed.max())
    ratio = float((flow[:, None] / annealed).max())
    parameters = {
        "alpha": list(alphas),
        "epsilon": list(epsilons),
        "draws": [list(draw.counts) for draw in both],
        "probability": str(probability),
    }
    return [
        Claim(
            id="proposition1-flow",
            place="Proposition 1, part 1",
            statement="gradient flow stopped at train loss ε has test loss at least 1.5ε(1 - α), "
            f"with probability {probability}",
            formula=r"L_D(\beta_{bad}) \ge \frac32\,\epsilon\,(1-\alpha)",
            parameters=parameters,
            computed=f"L_D/ε from {flow.min():.7g} to {flow.max():.7g}",
            margin=float((flow / least - 1.0).min()),
            numbers={"lowest": float(flow.min()), "highest": float(flow.max())},
        ),
        Claim(
            id="proposition1-annealed",
            place="Proposition 1, part 2",
            statement="K steps at η = 3/2, then flow to train loss ε: test loss at most 0.75ε "
            "(the term exp(-Ω(K)) is exactly 0 for K ≥ 1)",
            formula=r"L_D(\beta_{good}) \le \frac34\,\epsilon + e^{-\Omega(K)}",
            parameters=parameters | {"steps": list(counts)},
            computed=f"L_D/ε = {lowest:.14g}; ratio of the two up to {ratio:.6g}",
            margin=float((1.0 - annealed / most).min()),
            numbers={"lowest": lowest, "highest": highest, "largest_ratio": ratio},
        ),
        _quarter(alpha, levels, (*counts, *_LONG)),
    ]


def _rounding_rest(problem: Problem, steps: int) -> float:
    """Return Σ λ_i δ_i(0)² f_i^{2K} over γ_i ≠ γ_1, with f_i exact for the float64 inputs."""
    curvature = [Fraction(float(g)) for g in problem.curvature]
    rest = 0.0
    for g, delta in zip(curvature, spectra_of(problem._reduced)[2], strict=True):
        if g != max(curvature):
            factor = abs(float(1 - 2 * Fraction(_LR) * g))
            rest += 0.5 * float(delta) ** 2 * factor ** (2.0 * steps)
    return rest


def _quarter(alpha: float, levels: np.ndarray, counts: Sequence[int]) -> Claim:
    """Check the draws of one direction: equal losses for every K, equal points for even K only."""
    single = [draw for draw in draws() if not all(draw.counts)]
    losses, ends = [], []
    for draw in single:
        problem = example(draw.counts, proposition_target(alpha))
        flow = train(problem, GradientFlow(), train_loss=levels)
        runs = train(
            problem, [anneal(_LR, k) for k in counts], train_loss=levels, last_step="whole"
        )
        losses += [runs.train_loss / levels, runs.test_loss / flow.test_loss]
        drawn = int(np.argmax(draw.counts))
        ends.append(runs.residual()[..., drawn] / flow.residual()[:, drawn])
    mirrored = sorted({k for k, end in zip(counts, np.hstack(ends), strict=True) if end.min() <= 0})
    loss_gap = float(np.max(np.abs(np.array(losses) - 1.0)))
    point_gap = float(np.max(np.abs(np.abs(ends) - 1.0)))
    parity = (np.sign(ends) == [[1 - 2 * (k % 2)] for k in counts]).all()
    margin = -max(loss_gap, point_gap) if parity else -1.0
    probability = sum(draw.probability for draw in single)
    return Claim(
        id="proposition1-quarter",
        place="Proposition 1, the remaining draws",
        statement=f"with probability {probability} both end at the same loss; "
        "at the same point for even K, at its mirror image for odd K",
        formula=r"\beta_{good} - \beta^* = (-1)^K (\beta_{bad} - \beta^*)",
        parameters={"alpha": alpha, "epsilon": levels.tolist(), "steps": sorted(set(counts))},
        computed=f"losses agree to {loss_gap:.0e}; mirrored for K = "
        + ", ".join(map(str, mirrored)),
        margin=margin,
        numbers={"largest_loss_difference": loss_gap, "largest_point_difference": point_gap},
    )
