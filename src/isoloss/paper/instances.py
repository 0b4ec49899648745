"""Lemma 2 on the proposition's instance and on thousands of random ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isoloss.paper.claim import EXPLICIT, FAILS, HOLDS, Claim, Verdict, judge
from isoloss.paper.lemma2_conditions import Lemma2, lemma2
from isoloss.paper.two_dimensions import example, proposition_target
from isoloss.problems.problem import Problem

__all__ = ["lemma2_claims", "random_instances"]

_DIMENSIONS = (2, 3, 4, 5)
_MOST_STEPS = 49
_PER_CELL = 200  # candidates for each dimension and K


def random_instances(seed: int) -> Iterator[Lemma2]:
    """Yield batches of random commuting instances; many do not meet the lemma's conditions.

    Time and losses are scaled so that γ_1 = 1 and ε = 1, which loses no instance. Eigenvalues are
    log-uniform over three decades, residuals log-uniform over four; d = 2..5, K = 1..49, and S
    holds 1 to d - 1 of the smallest eigenvalues.

    Parameters
    ----------
    seed : int
        The seed of the draw.

    Yields
    ------
    Lemma2
        A batch of one dimension, block and number of steps.
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
    count, paper_form = 0, 0
    margins = dict.fromkeys(("flow", "paper", "explicit", "literal", *own.steps_proved), np.inf)
    failures = dict.fromkeys(margins, 0)
    batches = [own, *random_instances(seed)]
    for batch in batches:
        ok = np.atleast_1d(batch.applies)
        count += int(ok.sum())
        strict = ok & np.atleast_1d(batch.condition2)
        paper_form += int(strict.sum())
        pairs = {
            "flow": (batch.flow_bound_sum, batch.flow_loss, ok),
            "paper": (batch.flow_bound, batch.flow_loss, strict),
            "explicit": (batch.annealed_loss, batch.annealed_bound, ok),
            "literal": (batch.annealed_loss, batch.annealed_bound_literal, ok),
        }
        pairs |= {name: (*sides, ok) for name, sides in batch.steps_proved.items()}
        for name, (left, right, mask) in pairs.items():
            # left ≤ right, relative to the larger side
            low, high = np.atleast_1d(left)[mask], np.atleast_1d(right)[mask]
            slack = (high - low) / np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-300)
            margins[name] = min(margins[name], float(slack.min(initial=np.inf)))
            failures[name] += int((slack < -1e-11).sum())
    share = failures["literal"] / count
    parameters = {"alpha": alpha, "epsilon": epsilon, "steps": steps, "seed": seed}
    parameters |= {"instances": count, "instances_paper_condition": paper_form}
    proof = list(own.steps_proved)
    proof_margin = min(margins[name] for name in proof)

    def claim(
        name: str,
        part: str,
        statement: str,
        formula: str,
        computed: str,
        margin: float,
        verdict: Verdict,
        expected: Verdict,
    ) -> Claim:
        return Claim(
            id=name,
            place=f"Lemma 2, {part}",
            statement=statement,
            formula=formula,
            parameters=parameters,
            computed=computed,
            margin=margin,
            verdict=verdict,
            expected=expected,
            numbers={"instances": count}
            | {f"failures_{key}": value for key, value in failures.items()},
        )

    return [
        claim(
            "lemma2-flow",
            "part 1",
            "gradient flow ends with at least (1 - α) min λ/γ over the block, times ε",
            r"L_D \ge \epsilon\,(1-\alpha)\min_{j\in S}\lambda_j/\gamma_j",
            f"{failures['flow'] + failures['paper']} failures in {count} instances "
            f"({paper_form} meet condition 2 in the paper's form, all its form with the sum)",
            min(margins["flow"], margins["paper"]),
            judge(min(margins["flow"], margins["paper"])),
            HOLDS,
        ),
        claim(
            "lemma2-annealed",
            "part 2",
            "annealed: at most ε max λ/γ over the top eigenspace plus what the K steps leave of "
            "the other directions",
            r"L_D \le \epsilon\max_{\gamma_j=\gamma_1}\frac{\lambda_j}{\gamma_j} + "
            r"\sum_{\gamma_i\ne\gamma_1}\left(1-\frac{2\gamma_i}{\gamma_1}\right)^{2K}"
            r"\lambda_i\delta_i(0)^2",
            f"{failures['explicit']} failures in {count} instances",
            margins["explicit"],
            judge(margins["explicit"], holding=EXPLICIT),
            EXPLICIT,
        ),
        claim(
            "lemma2-annealed-literal",
            "part 2 read with constant 1",
            "the same with exp(-Ω(K)) = c^K, c = max |1 - 2γ_i/γ_1|",
            r"L_D \le \epsilon\,\lambda_1/\gamma_1 + c^K",
            f"{failures['literal']} failures in {count} instances ({share:.0%})",
            margins["literal"],
            judge(margins["literal"]),
            FAILS,
        ),
        claim(
            "lemma2-proof-steps",
            "proof",
            "each inequality of the proof: stopping time, loss outside and inside the block, test "
            "loss, and condition 1 keeping the level",
            r"e^{-4\gamma_kT} \le \frac{\epsilon}{\sum_S\gamma_j\delta_j(0)^2},\ "
            r"\sum_{\bar S}\gamma_i\delta_i(T)^2 \le \alpha\epsilon,\ "
            r"\sum_S\gamma_i\delta_i(T)^2 \ge (1-\alpha)\epsilon",
            f"{sum(failures[name] for name in proof)} failures in {count} instances "
            f"× {len(proof)} steps",
            proof_margin,
            judge(proof_margin),
            HOLDS,
        ),
    ]
