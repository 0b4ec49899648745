"""Check Lemma 2 on the proposition's instance and on thousands of random ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from isoloss.paper.claim import EXPLICIT, FAILS, HOLDS, Claim, Verdict
from isoloss.paper.lemma2_conditions import Lemma2, lemma2
from isoloss.paper.two_dimensions import example, proposition_target
from isoloss.problems.problem import Problem

__all__ = ["lemma2_claims", "random_instances"]

_DIMENSIONS = (2, 3, 4, 5)
_MOST_STEPS = 49
_PER_CELL = 200  # candidates for each dimension and K

# id, part of the lemma, statement, formula, the inequalities of `_slacks` (none: all steps of the
# proof), and the expected verdict
_PARTS: tuple[tuple[str, str, str, str, tuple[str, ...], Verdict], ...] = (
    (
        "lemma2-flow",
        "part 1",
        "gradient flow ends with at least (1 - α) min λ/γ over the block, times ε",
        r"L_D \ge \epsilon\,(1-\alpha)\min_{j\in S}\lambda_j/\gamma_j",
        ("flow", "paper"),
        HOLDS,
    ),
    (
        "lemma2-annealed",
        "part 2",
        "annealed: at most ε max λ/γ over the top eigenspace plus what the K steps leave of "
        "the other directions",
        r"L_D \le \epsilon\max_{\gamma_j=\gamma_1}\frac{\lambda_j}{\gamma_j} + "
        r"\sum_{\gamma_i\ne\gamma_1}\left(1-\frac{2\gamma_i}{\gamma_1}\right)^{2K}"
        r"\lambda_i\delta_i(0)^2",
        ("explicit",),
        EXPLICIT,
    ),
    (
        "lemma2-annealed-literal",
        "part 2 read with constant 1",
        "the same with exp(-Ω(K)) = c^K, c = max |1 - 2γ_i/γ_1|",
        r"L_D \le \epsilon\,\lambda_1/\gamma_1 + c^K",
        ("literal",),
        FAILS,
    ),
    (
        "lemma2-proof-steps",
        "proof",
        "each inequality of the proof: stopping time, loss outside and inside the block, test "
        "loss, and condition 1 keeping the level",
        r"e^{-4\gamma_kT} \le \frac{\epsilon}{\sum_S\gamma_j\delta_j(0)^2},\ "
        r"\sum_{\bar S}\gamma_i\delta_i(T)^2 \le \alpha\epsilon,\ "
        r"\sum_S\gamma_i\delta_i(T)^2 \ge (1-\alpha)\epsilon",
        (),
        HOLDS,
    ),
)


def random_instances(seed: int) -> Iterator[Lemma2]:
    """Yield batches of random commuting instances; many do not meet the lemma's conditions.

    Time and losses are scaled so that γ_1 = 1 and ε = 1, without loss of generality. Eigenvalues
    are log-uniform over three decades, residuals over four; d = 2..5, K = 1..49, and S contains
    the 1 to d - 1 smallest eigenvalues.

    Parameters
    ----------
    seed : int
        The seed of the draw.

    Yields
    ------
    Lemma2
        A batch whose instances share dimension, block and number of steps.
    """
    rng = np.random.default_rng(seed)
    for d in _DIMENSIONS:
        for steps in range(1, _MOST_STEPS + 1):
            gamma = -np.sort(-(10.0 ** rng.uniform(-3, 0, (_PER_CELL, d))), axis=-1)
            gamma /= gamma[:, :1]
            lam = 10.0 ** rng.uniform(-3, 0, (_PER_CELL, d))
            start = 10.0 ** rng.uniform(-1, 3, (_PER_CELL, d))
            first = int(rng.integers(1, d))
            problem = Problem.from_spectra(gamma, lam, start)
            yield lemma2(problem, range(first, d), 1.0, steps)


def lemma2_claims(alpha: float, epsilon: float, steps: int, seed: int) -> list[Claim]:
    """Check Lemma 2: both parts, part 2 also read literally, and each step of the proof."""
    own = lemma2(example(target=proposition_target(alpha)), [1], epsilon, steps)
    batches = [_slacks(batch) for batch in (own, *random_instances(seed))]
    slacks = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    failures = {name: int((slack < -1e-11).sum()) for name, slack in slacks.items()}
    count, paper_form = slacks["flow"].size, slacks["paper"].size
    notes = {
        "lemma2-flow": f" ({paper_form} meet condition 2 in the paper's form, all its form with "
        "the sum)",
        "lemma2-annealed-literal": f" ({failures['literal'] / count:.0%})",
        "lemma2-proof-steps": f" × {len(own.steps_proved)} steps",
    }
    parameters = {"alpha": alpha, "epsilon": epsilon, "steps": steps, "seed": seed}
    parameters |= {"instances": count, "instances_paper_condition": paper_form}
    numbers = {f"failures_{name}": number for name, number in failures.items()}
    claims = []
    for name, part, statement, formula, inequalities, expected in _PARTS:
        checked = inequalities or tuple(own.steps_proved)
        failed = sum(failures[each] for each in checked)
        claims.append(
            Claim(
                id=name,
                place=f"Lemma 2, {part}",
                statement=statement,
                formula=formula,
                parameters=parameters,
                computed=f"{failed} failures in {count} instances{notes.get(name, '')}",
                margin=min(float(slacks[each].min(initial=np.inf)) for each in checked),
                expected=expected,
                numbers={"instances": count} | numbers,
            )
        )
    return claims


def _slacks(batch: Lemma2) -> dict[str, npt.NDArray[np.float64]]:
    """Return (right - left)/larger for each claim left ≤ right, where the claim applies."""
    sides = {
        "flow": (batch.flow_bound_sum, batch.flow_loss),
        "paper": (batch.flow_bound, batch.flow_loss),
        "explicit": (batch.annealed_loss, batch.annealed_bound),
        "literal": (batch.annealed_loss, batch.annealed_bound_literal),
        **batch.steps_proved,
    }
    slacks = {}
    for name, (left, right) in sides.items():
        where = batch.applies & batch.condition2 if name == "paper" else batch.applies
        low, high = np.asarray(left)[where], np.asarray(right)[where]
        slacks[name] = (high - low) / np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-300)
    return slacks
