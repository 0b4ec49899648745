"""Check the discussion's claims: oscillation, and the three conditions that the gap needs."""

from __future__ import annotations

import numpy as np

from isoloss.dynamics.training import train
from isoloss.paper.claim import Claim
from isoloss.paper.two_dimensions import example, proposition_target
from isoloss.problems.problem import Problem
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.phases import GradientDescent, GradientFlow

__all__ = ["discussion_claims"]

_LR = 1.5


def discussion_claims(alpha: float, epsilon: float, steps: int) -> list[Claim]:
    """Check the discussion's claims on the paper's example."""
    return [
        _oscillation(),
        _needs_early_stopping(alpha, steps),
        _needs_mismatch(alpha, epsilon, steps),
        _needs_large_rate(alpha, epsilon, steps),
    ]


def _oscillation() -> Claim:
    problem = Problem.from_spectra([1.0, 0.6, 0.3, 0.1], np.ones(4), np.ones(4))
    count = 200
    path = train(problem, GradientDescent(problem.max_lr, count)).path(points=count)
    updates = np.diff(path.residual(), axis=0)
    norms = np.linalg.norm(updates, axis=1)
    cosines = (updates[1:] * updates[:-1]).sum(axis=1) / (norms[1:] * norms[:-1])
    shrinkage = float(np.max(np.abs(np.abs(path.residual()[:, 0]) - 1.0)))
    gap = max(float(cosines[-1] + 1.0), shrinkage)
    return Claim(
        id="oscillation",
        place="discussion",
        statement="at η = 1/γ_1 the steepest direction does not shrink at all, and successive "
        "updates become opposite",
        formula=r"|\delta_1(t)| = |\delta_1(0)|,\quad \cos(u_t, u_{t+1}) \to -1",
        parameters={"curvature": [1.0, 0.6, 0.3, 0.1], "steps": count},
        computed=f"cosine from {cosines[0]:.3f} to {cosines[-1]:.9f}; "
        f"top direction changes by {shrinkage:.0e}",
        margin=-gap,
        numbers={"first_cosine": float(cosines[0]), "last_cosine": float(cosines[-1])},
    )


def _gap(problem: Problem, lr: float, steps: int, levels: np.ndarray) -> np.ndarray:
    """Return the relative gap of the test losses, 1 - annealed/flow."""
    flow, annealed = train(
        problem, [GradientFlow(), anneal(lr, steps)], train_loss=levels, last_step="whole"
    )
    return np.asarray(1.0 - annealed.test_loss / flow.test_loss)


def _needs_early_stopping(alpha: float, steps: int) -> Claim:
    problem = example(target=proposition_target(alpha))
    levels = 10.0 ** -np.arange(0.0, 13.0, 3.0)
    flow, annealed = train(
        problem, [GradientFlow(), anneal(_LR, steps)], train_loss=levels, last_step="whole"
    )
    gap = np.asarray(flow.test_loss - annealed.test_loss)
    # the gap shrinks in proportion to ε, so it closes only if training is never stopped
    margin = min(float((0.75 * levels / gap - 1.0).min()), float(-gap[-1]))
    if not np.all(gap > 0):
        margin = -1.0
    return Claim(
        id="needs-early-stopping",
        place="discussion",
        statement="without early stopping (ε → 0) the gap closes: it is at most 0.75ε",
        formula=r"0 < L_D(\beta_{bad}) - L_D(\beta_{good}) \le \frac34\,\epsilon \to 0",
        parameters={"alpha": alpha, "steps": steps, "epsilon": levels.tolist()},
        computed=f"gap {gap[0]:.4f} at ε = 1, {gap[-1]:.1e} at ε = {levels[-1]:.0e}",
        margin=margin,
        numbers={"gap_first": float(gap[0]), "gap_last": float(gap[-1])},
    )


def _needs_mismatch(alpha: float, epsilon: float, steps: int) -> Claim:
    start = -np.asarray(proposition_target(alpha))
    train_curvature = np.array([2.0, 1.0]) / 3.0
    # λ goes from the mismatched (1/2, 1/2) to (2/3, 1/3), which is proportional to γ
    shares = np.linspace(1.0, 0.0, 5)
    test = shares[:, None] * np.array([0.5, 0.5]) + (1.0 - shares)[:, None] * train_curvature
    problem = Problem.from_spectra(train_curvature, test, start)
    gaps = _gap(problem, _LR, steps, np.asarray(epsilon))
    falling = float(np.min(gaps[:-1] - gaps[1:]))
    margin = min(-abs(float(gaps[-1])), falling)
    return Claim(
        id="needs-mismatch",
        place="discussion",
        statement="without a mismatch of train and test curvature (Σ̂ ∝ Σ) the gap closes",
        formula=r"\hat\Sigma \propto \Sigma \Rightarrow L_D = c\,\hat L",
        parameters={
            "alpha": alpha,
            "epsilon": epsilon,
            "steps": steps,
            "mismatch": shares.tolist(),
        },
        computed="relative gap "
        + ", ".join(f"{gap:.3f}" for gap in gaps[:-1])
        + f", {gaps[-1]:.0e}",
        margin=margin,
        numbers={f"gap_{share:g}": float(gap) for share, gap in zip(shares, gaps, strict=True)},
    )


def _needs_large_rate(alpha: float, epsilon: float, steps: int) -> Claim:
    problem = example(target=proposition_target(alpha))
    fractions = np.array([1.0, 1e-2, 1e-4, 1e-6, 1e-8])
    gaps = np.array([float(_gap(problem, f * _LR, steps, np.asarray(epsilon))) for f in fractions])
    falling = float(np.min(np.abs(gaps[:-1]) - np.abs(gaps[1:])))
    # a GD step differs from the flow by a term of second order in η
    small = 10.0 * steps * fractions[-1] - abs(float(gaps[-1]))
    margin = min(falling, small)
    return Claim(
        id="needs-large-rate",
        place="discussion",
        statement="without a rate large enough to oscillate (η → 0) the gap closes",
        formula=r"\eta \to 0 \Rightarrow L_D(\beta_{good}) \to L_D(\beta_{bad})",
        parameters={"alpha": alpha, "epsilon": epsilon, "steps": steps, "lr": fractions.tolist()},
        computed="relative gap "
        + ", ".join(f"{gap:.1e}" for gap in gaps)
        + " at ηγ_1 = "
        + ", ".join(f"{f:g}" for f in fractions),
        margin=margin,
        numbers={f"gap_{f:g}": float(gap) for f, gap in zip(fractions, gaps, strict=True)},
    )
