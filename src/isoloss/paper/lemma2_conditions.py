"""Evaluate Lemma 2: which of its conditions hold, what it bounds, and what training gives.

For a block S of small eigenvalues with complement S̄ and largest member γ_k, the conditions are
(1) γ_1 δ_1(0)² ≥ ε and (2) Σ_{S̄} γ_i δ_i(0)² (ε/m)^(1+p) ≤ α ε, where 1 + p = min_{S̄} γ_i/γ_k
gives the largest p that the gap allows. In the paper, m = |S| γ_{j*} δ_{j*}(0)², where j* has the
block's smallest term; the proof also works with m = Σ_S γ_j δ_j(0)², which is a weaker condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.training import train
from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.spectra import spectra_of
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.phases import GradientFlow

__all__ = ["Lemma2", "lemma2"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Lemma2:
    """Lemma 2 on an instance, or on a batch of them (then every field is an array).

    Attributes
    ----------
    level : float
        The train loss ε.
    steps : int
        K, the steps at the largest stable rate.
    gap : array
        1 + p, the smallest γ_i/γ_k over S̄, which must exceed 1 (infinite if S̄ is empty).
    top_loss : array
        γ_1 δ_1(0)², summed over the eigenvalues equal to γ_1; condition 1 requires it to be ≥ ε.
    alpha, alpha_sum : array
        The smallest α that meets condition 2, in the paper's form and in the form with the sum.
    flow_bound, flow_bound_sum : array
        Part 1: lower bounds for gradient flow's test loss, one for each form of α.
    annealed_bound : array
        Part 2 with its constant written out: ε max λ_j/γ_j over γ_j = γ_1, plus
        Σ_{γ_i≠γ_1} (1 - 2γ_i/γ_1)^{2K} λ_i δ_i(0)².
    annealed_bound_literal : array
        Part 2 read literally, with exp(-Ω(K)) = c^K, c = max |1 - 2γ_i/γ_1| over γ_i ≠ γ_1.
    flow_loss, annealed_loss : array
        The final test losses of the two optimizers.
    reached : array of bool
        Whether both optimizers reach the level.
    steps_proved : dict
        The steps of the proof, each a pair (left, right) that claims left ≤ right.
    """

    level: float
    steps: int
    gap: Floats
    top_loss: Floats
    alpha: Floats
    alpha_sum: Floats
    flow_bound: Floats
    flow_bound_sum: Floats
    annealed_bound: Floats
    annealed_bound_literal: Floats
    flow_loss: Floats
    annealed_loss: Floats
    reached: npt.NDArray[np.bool_]
    steps_proved: dict[str, tuple[Floats, Floats]]

    @property
    def has_gap(self) -> npt.NDArray[np.bool_]:
        """Whether the eigenvalues outside the block are larger than those inside."""
        return np.asarray(self.gap > 1)

    @property
    def condition1(self) -> npt.NDArray[np.bool_]:
        """Whether condition 1 holds."""
        return np.asarray(self.top_loss >= self.level)

    @property
    def condition2(self) -> npt.NDArray[np.bool_]:
        """Whether condition 2 holds for some α below 1, in the paper's form."""
        return np.asarray(self.alpha < 1)

    @property
    def condition2_sum(self) -> npt.NDArray[np.bool_]:
        """Whether condition 2 holds for some α below 1, in the weaker form with the sum."""
        return np.asarray(self.alpha_sum < 1)

    @property
    def applies(self) -> npt.NDArray[np.bool_]:
        """Whether all conditions hold, with condition 2 in its weaker form."""
        return np.asarray(self.has_gap & self.condition1 & self.condition2_sum & self.reached)

    def __repr__(self) -> str:
        if self.gap.ndim:
            return f"Lemma2(batch {self.gap.shape}, applies to {int(self.applies.sum())})"
        word = {True: "holds", False: "fails"}
        lines = [
            f"Lemma 2 at train loss {self.level:g}, K = {self.steps}",
            f"  gap          γ_i/γ_k ≥ {float(self.gap):.6g} over S̄: {word[bool(self.has_gap)]}",
            f"  condition 1  γ_1δ_1² = {float(self.top_loss):.6g} ≥ {self.level:g}: "
            f"{word[bool(self.condition1)]}",
            f"  condition 2  α ≥ {float(self.alpha):.6g}: {word[bool(self.condition2)]}; "
            f"with the sum α ≥ {float(self.alpha_sum):.6g}: {word[bool(self.condition2_sum)]}",
            f"  flow         test loss {float(self.flow_loss):.6g}, "
            f"at least {float(self.flow_bound_sum):.6g}",
            f"  annealed     test loss {float(self.annealed_loss):.6g}, "
            f"at most {float(self.annealed_bound):.6g} "
            f"(read literally {float(self.annealed_bound_literal):.6g})",
            f"  the lemma {'applies' if self.applies else 'does not apply'}",
        ]
        return "\n".join(lines)


def lemma2(problem: Problem, block: Sequence[int], level: float, steps: int) -> Lemma2:
    """Evaluate Lemma 2 (appendix A.1) on a commuting problem.

    Parameters
    ----------
    problem : Problem
        A problem from `Problem.from_spectra`, without label noise; a batch gives arrays.
    block : sequence of int
        The block S: indices of the problem's coordinates, counted from 0.
    level : float
        The train loss ε to stop at, positive.
    steps : int
        K, the number of steps at rate η = 1/γ_1 before the flow.

    Returns
    -------
    Lemma2
        The conditions, the bounds and the results of training.

    Raises
    ------
    ValueError
        If the problem does not commute, is noisy or has no curvature, or if block or level is out
        of range.

    Examples
    --------
    >>> from isoloss.paper import example, proposition_target
    >>> lemma2(example(target=proposition_target(0.5)), block=[1], level=0.1, steps=10)
    Lemma 2 at train loss 0.1, K = 10
      gap          γ_i/γ_k ≥ 2 over S̄: holds
      condition 1  γ_1δ_1² = 13333.3 ≥ 0.1: holds
      condition 2  α ≥ 3e-05: holds; with the sum α ≥ 3e-05: holds
      flow         test loss 0.149998, at least 0.149996
      annealed     test loss 0.075, at most 0.075 (read literally 0.075)
      the lemma applies
    """
    if not isinstance(problem._reduced.test, DiagonalTest):
        raise ValueError("Lemma 2 is about commuting problems; build it with Problem.from_spectra")
    gamma, lam, start = (np.asarray(part) for part in spectra_of(problem._reduced))
    if np.any(np.asarray(problem._reduced.test.noise) != 0):
        raise ValueError("Lemma 2 is about problems without label noise; leave noise at 0")
    members = _block(block, gamma.shape[-1])
    if not level > 0 or not np.isfinite(level):
        raise ValueError(f"level must be a positive train loss; got {level}")
    top = gamma.max(axis=-1, keepdims=True)
    if np.any(top == 0):
        raise ValueError("Lemma 2 needs a positive train curvature")
    # 1/γ_1 is the same for the whole batch only if γ_1 is
    if np.any(top != top.flat[0]):
        raise ValueError("a batch must share its largest train curvature γ_1; rescale the problems")
    weights = gamma * start**2
    is_top = gamma == top
    top_loss = np.where(is_top, weights, 0.0).sum(axis=-1)
    mass = weights[..., members].sum(axis=-1)
    smallest = members.sum() * weights[..., members].min(axis=-1)
    slowest = gamma[..., members].max(axis=-1)
    gap = gamma[..., ~members].min(axis=-1, initial=np.inf) / slowest
    outside = weights[..., ~members].sum(axis=-1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        alpha, alpha_sum = (_alpha(outside, level, m, gap) for m in (smallest, mass))
    unbounded = np.where((gamma == 0) & (lam > 0), np.inf, 0.0)
    ratio = lam / np.where(gamma > 0, gamma, 1.0) + unbounded
    least = ratio[..., members].min(axis=-1)
    left = np.maximum(1.0 - alpha_sum, 0.0) * level
    peak = level * np.where(is_top, ratio, 0.0).max(axis=-1)
    factors = np.where(is_top, 0.0, np.abs(1.0 - 2.0 * gamma / top))
    annealing = anneal(1.0 / float(top.flat[0]), steps)
    flow, annealed = train(
        problem, [GradientFlow(), annealing], train_loss=level, last_step="whole"
    )
    at_stop = gamma * np.asarray(flow.residual()) ** 2
    flow_loss = np.asarray(flow.test_loss)
    return Lemma2(
        level=float(level),
        steps=steps,
        gap=gap,
        top_loss=top_loss,
        alpha=alpha,
        alpha_sum=alpha_sum,
        flow_bound=np.maximum(1.0 - alpha, 0.0) * level * least,
        flow_bound_sum=left * least,
        annealed_bound=peak + (factors ** (2.0 * steps) * lam * start**2).sum(axis=-1),
        annealed_bound_literal=peak + factors.max(axis=-1) ** steps,
        flow_loss=flow_loss,
        annealed_loss=np.asarray(annealed.test_loss),
        reached=np.asarray(flow.reached & annealed.reached),
        steps_proved={
            "stopping time": (np.exp(-4.0 * slowest * np.asarray(flow.time)), level / mass),
            "outside the block": (at_stop[..., ~members].sum(axis=-1), alpha_sum * level),
            "inside the block": (left, at_stop[..., members].sum(axis=-1)),
            "test loss": (left * least, flow_loss),
            "top keeps the level": (np.full(gap.shape, float(level)), top_loss),
        },
    )


def _alpha(outside: Floats, level: float, mass: Floats, gap: Floats) -> Floats:
    """Return the left side of condition 2, divided by ε."""
    power = np.where(np.isinf(gap), 0.0, (level / mass) ** np.where(np.isinf(gap), 1.0, gap))
    return np.asarray(np.where(outside > 0, outside * power / level, 0.0))


def _block(block: Any, d: int) -> npt.NDArray[np.bool_]:
    indices = np.asarray(block)
    if indices.ndim != 1 or not indices.size or not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"block must be a non-empty list of coordinate numbers; got {block!r}")
    if indices.min() < 0 or indices.max() >= d or np.unique(indices).size != indices.size:
        raise ValueError(
            f"block must hold different coordinates from 0 to {d - 1}; got {indices.tolist()}"
        )
    members = np.zeros(d, dtype=bool)
    members[indices] = True
    return members
