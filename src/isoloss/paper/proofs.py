"""Prove the paper's statements, and those about minibatches, each with a certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from isoloss.paper.stochastic_proofs import PROVERS
from isoloss.proof import (
    Certificate,
    ExactProblem,
    attainment,
    band,
    certify,
    for_all,
    identity,
    lemma2,
    lemma2_literal,
    theorem,
)

__all__ = ["EXPECTED", "INSTANCES", "NAMES", "certificate", "certificates", "name_of"]

_TRAIN, _TEST = ("2/3", "1/3"), ("1/2", "1/2")
_BOTH = {"flow": "flow", "annealed": "gd(1, {}) > flow"}
_LOSS = "2/3*(b1 - t1)**2 + 1/3*(b2 - t2)**2"


def _eq1() -> Certificate:
    return identity("((b1 - t1)**2 + (b1 - t1)**2 + (b2 - t2)**2) / 3", _LOSS)


def _eq2() -> Certificate:
    squares = "(b1 - t1)**2", "(b2 - t2)**2"
    return identity(f"({squares[0]} + {squares[1]}) / 2", f"1/2*{squares[0]} + 1/2*{squares[1]}")


def _table(name: str, train: str, ratio: str) -> Certificate:
    return theorem(
        f"table-{name}",
        f"a residual r along one direction of train loss ε has test loss {ratio}·ε, for every r",
        [f"Its train loss ε is {train}·r², its test loss 1/2·r²."],
        [identity("1/2 * r**2", f"{ratio} * ({train} * r**2)")],
    )


def _flow_equations() -> Certificate:
    """Prove the two flow equations: a quadratic's central difference is exactly its derivative."""
    parts = []
    for i, rate in ((1, "4/3"), (2, "2/3")):
        ahead, behind = (_LOSS.replace(f"b{i}", f"(b{i} {sign} h)") for sign in "+-")
        parts.append(identity(f"({ahead}) - ({behind})", f"2*h * {rate} * (b{i} - t{i})"))
    step = identity("d - e * (2*g*d)", "(1 - 2*e*g) * d")
    return theorem(
        "flow-equations",
        "d/dt (β_1 - β_1*) = -(4/3)(β_1 - β_1*), d/dt (β_2 - β_2*) = -(2/3)(β_2 - β_2*), and a "
        "step at rate η multiplies by 1 - 2ηγ",
        [
            "The flow follows -∇L̂. For a quadratic, L̂(β + h) - L̂(β - h) is exactly 2h times the "
            "derivative.",
            "A step is δ - η·2γδ.",
        ],
        [*parts, step],
    )


def _proposition1_flow() -> Certificate:
    return theorem(
        "proposition1-flow",
        "for every 0 < α < 1 and 0 < ε < 1, in the draws of both directions: gradient flow from 0 "
        "stopped at train loss ε has L_D ≥ (3/2)ε(1 - α)",
        [
            "δ_i(0)² = A = 10⁴/α. With x = exp(-4t/3), which falls from 1 to 0, the train loss is "
            "S = (A/3)(2x² + x) and the test loss L = (A/2)(x² + x): γ = (2/3, 1/3), "
            "λ = (1/2, 1/2). (The draw with the directions exchanged is the same.)",
            "S grows with x from 0 to A > 1 > ε, so there is one x with S = ε.",
            "L - (3/2)(1 - α)S = (A/2)x(α(2x + 1) - x).",
            "S = ε < 1 and A = 10⁴/α give α = s + (10⁴/3)x(2x + 1) with s > 0, so that "
            "α(2x + 1) - x = s(2x + 1) + x((10⁴/3)(2x + 1)² - 1): both terms are at least 0 if "
            "(10⁴/3)(2x + 1)² ≥ 1 for all x in [0, 1]. Neither α nor ε is left, so their open ends "
            "need no limit.",
            "The rules of training give this without that algebra, for α and ε from 1/1000 to 1, "
            "with all squares over A: L_D = (3/2)ε - (3/4)γ_1δ_1², and γ_1δ_1² ≤ 2αε.",
        ],
        [
            for_all({"x": (0, 1)}, "4*x + 1 > 0 and 10000 > 1"),  # 3S/A grows with x
            identity(
                "A/2*(x**2 + x) - 3/2*(1 - a) * (A/3*(2*x**2 + x))",
                "A/2 * x * (a*(2*x + 1) - x)",
            ),
            identity(
                "(s + 10000/3*x*(2*x + 1)) * (2*x + 1) - x",
                "s*(2*x + 1) + x*(10000/3*(2*x + 1)**2 - 1)",
            ),
            identity("3/4*p1 + 3/2*(s - p1)", "3/2*s - 3/4*p1"),
            for_all(
                {"a": ("1/1000", 1), "e": ("1/1000", 1)},
                "reached and part1 <= 2*a*level",
                train=_TRAIN,
                test=_TEST,
                start_squared=["1", "1"],
                level="a*e/10000",
                schedules={"": "flow"},
                last_step="whole",
                max_boxes=1000,
            ),
            for_all({"x": (0, 1)}, "10000/3 * (2*x + 1)**2 >= 1"),
        ],
    )


def _proposition1_annealed() -> Certificate:
    return theorem(
        "proposition1-annealed",
        "for every 0 < α < 1, 0 < ε < 1 and K ≥ 1, in the draws of both directions: K steps at "
        "η = 3/2, then flow to train loss ε, end with L_D = (3/4)ε exactly",
        [
            "At η = 3/2 = 1/γ_1 the first step multiplies δ_1 by -1 and δ_2 by 0; so does every "
            "other step, and (-1)² = 1.",
            "After any k ≥ 1 steps the train loss is (2/3)A with A = 10⁴/α > 10⁴, at the start it "
            "is A: above 1 > ε, so no step stops the run, whatever K is.",
            "The flow then moves δ_1 alone, to train loss ε = γ_1δ_1²: L_D = λ_1δ_1² = "
            "(λ_1/γ_1)ε = (3/4)ε.",
            "The last part checks this by the rules of training, at A = 10⁶ and ε = 1/10, for 10⁹ "
            "steps.",
        ],
        [
            for_all(
                {}, "1 - 2*(3/2)*(2/3) == -1 and 1 - 2*(3/2)*(1/3) == 0 and (1/2)/(2/3) == 3/4"
            ),
            for_all({}, "2/3*10000 > 1"),
            certify(
                ExactProblem.from_squares(_TRAIN, _TEST, [10**6, 10**6]),
                _BOTH["annealed"].format(10**9),
                "1/10",
                "reached and steps == 1000000000 and test_loss == 3/4 * level",
                last_step="whole",
            ),
        ],
    )


def _proposition1_quarter() -> Certificate:
    problem = ExactProblem.from_squares([1, 0], _TEST, [10**6, 10**6])
    same = (
        "annealed.reached and flow.reached and annealed.test_loss == flow.test_loss and "
        "annealed.part1 == flow.part1"
    )
    runs = []
    for k in (1, 2, 2000, 2001):
        both = {name: text.format(k) for name, text in _ABSOLUTE.items()}
        runs.append(certify(problem, both, "1/10", same, last_step="whole"))
    return theorem(
        "proposition1-quarter",
        "in the draws of one direction, γ = (1, 0), both optimizers end at the same train and test "
        "loss for every K; at the same point for even K, at its mirror image for odd K",
        [
            "A step at η = 3/2 multiplies δ_1 by -2 and leaves δ_2: squares grow by 4, so no step "
            "stops the run; flow brings δ_1² to ε, whatever it was before.",
            "Both end with δ_1² = ε and δ_2 as it was at the start: the same losses. The sign of "
            "δ_1 is (-1)^K times that of gradient flow: flow keeps signs, and -2 < 0 changes one "
            "in each step.",
            "The last parts check this by the rules of training, for K = 1, 2, 2000 and 2001.",
        ],
        [for_all({}, "1 - 2*(3/2)*1 == -2 and 1 - 2*(3/2)*0 == 1"), *runs],
    )


_ABSOLUTE = {"flow": "flow", "annealed": "gd(3/2, {}) > flow"}  # absolute rates, as γ_1 is 1 there


def _lemma2() -> Certificate:
    """Prove Lemma 2 on the proposition's instance with α = ε = 1/10 and K = 10."""
    problem = ExactProblem.from_squares(_TRAIN, _TEST, [10**5, 10**5])
    return lemma2(problem, [1], "1/10", 10, "1/10")


def _lemma2_steps() -> Certificate:
    """Prove the algebra of the lemma's proof, with the slack of each inequality written out."""
    return theorem(
        "lemma2-steps",
        "the proof of Lemma 2, step by step, with every slack written out; all slacks are ≥ 0",
        [
            "Stopping time: Σ_S w_j e^(-4γ_jT) ≤ ε, and each e^(-4γ_jT) is at least z = "
            "e^(-4γ_kT), so that ε = mz + s with m = Σ_S w_j: ε/m - z = s/m.",
            "Outside S: w_i z^(γ_i/γ_k) ≤ w_i (ε/m)^(1+p). SymPy cannot carry this step: it needs "
            "that x^q grows in x and falls in q on 0 < x ≤ 1. `certify` checks it on instances.",
            "Inside: with αε - s outside, ε - (αε - s) is s above (1 - α)ε.",
            "Test loss: λ_j/γ_j = r + u with r the least over S, so that (r + u)p - rp = up. "
            "SymPy carries one term, not the sum over a symbolic S.",
            "Annealed: with r = γ_i/γ_1 the squared factor is 1 - 4r(1 - r) < 1 for 0 < r < 1, and "
            "1 for r = 1.",
        ],
        [
            identity("(m*z + s) - m*z", "s"),
            identity("(e - (a*e - s)) - (1 - a)*e", "s"),
            identity("(r + u)*p - r*p", "u*p"),
            identity("(1 - 2*r)**2", "1 - 4*r*(1 - r)"),
        ],
    )


def _band(end: str) -> Certificate:
    return band(_TRAIN, _TEST, end)


def _attainment() -> Certificate:
    problem = ExactProblem.from_spectra([1, "1/2", "1/5", "1/7"], [1, 1, 3, "1/9"], [2, 3, 4, 5])
    proofs = [attainment(problem, "1/10", end) for end in ("lowest", "highest")]
    return theorem(
        "attainment",
        "schedules alone attain both ends of the band: γ = (1, 1/2, 1/5, 1/7), "
        "λ = (1, 1, 3, 1/9), ε = 1/10",
        [
            f"{end}: {schedule}"
            for end, (schedule, _) in zip(("lowest", "highest"), proofs, strict=True)
        ],
        [proof for _, proof in proofs],
    )


def _early_stopping() -> Certificate:
    return theorem(
        "needs-early-stopping",
        "for every ε in (0, 1) the gap between the two is above 0 and at most (3/4)ε, so that it "
        "closes for ε → 0",
        [
            "With x as for Proposition 1, part 1, L_D(flow)/ε = (3/2)(x + 1)/(2x + 1) = "
            "3/4 + (3/4)/(2x + 1), and L_D(annealed)/ε = 3/4.",
        ],
        [
            identity("3/2*(x + 1)", "3/4*(2*x + 1) + 3/4"),
            for_all({"x": (0, 1)}, "0 < 3/4 / (2*x + 1) <= 3/4"),
        ],
    )


def _mismatch() -> Certificate:
    problem = ExactProblem.from_squares(_TRAIN, _TRAIN, [10**5, 10**5])
    both = {name: text.format(10) for name, text in _BOTH.items()}
    same = "flow.test_loss == annealed.test_loss == level"
    return theorem(
        "needs-mismatch",
        "without a mismatch, λ = γ = (2/3, 1/3), gradient flow and 10 steps at η = 1/γ_1, then "
        "flow, end with the same test loss at train loss 1/100",
        ["The test loss is the train loss, for every residual."],
        [certify(problem, both, "1/100", same, last_step="whole")],
    )


def _oscillation() -> Certificate:
    return theorem(
        "oscillation",
        "at η = 1/γ_1 the steepest direction is multiplied by -1, and the cosine of successive "
        "updates tends to -1, if γ_1 is simple and δ_1(0) is not 0",
        [
            "With r_i = γ_i/γ_1 a step multiplies δ_i by f_i = 1 - 2r_i: by -1 for i = 1; and 1 - "
            "f_i² = 4r_i(1 - r_i) > 0 for 0 < r_i < 1.",
            "The update u_t has the parts -2r_i f_i^t δ_i(0). With p = 4δ_1(0)² and q_t = Σ_{i>1} "
            "4r_i² f_i^(2t) δ_i(0)², which falls to 0: u_t·u_{t+1} ≤ -p + q_t, and |u_t|², "
            "|u_{t+1}|² ≤ p + q_t. As soon as q_t < p the cosine is at most "
            "(-p + q_t)/(p + q_t) = -1 + 2q_t/(p + q_t).",
        ],
        [
            for_all({}, "1 - 2*1 == -1"),
            identity("1 - (1 - 2*r)**2", "4*r*(1 - r)"),
            identity("-p + q", "-1*(p + q) + 2*q"),
        ],
    )


_PROVERS: dict[str, Callable[[], Certificate]] = {
    "eq1": _eq1,
    "eq2": _eq2,
    "table-good": lambda: _table("good", "2/3", "3/4"),
    "table-bad": lambda: _table("bad", "1/3", "3/2"),
    "flow-equations": _flow_equations,
    "eq3": lambda: _band("lowest"),
    "eq4": lambda: _band("highest"),
    "attainment": _attainment,
    "proposition1-flow": _proposition1_flow,
    "proposition1-annealed": _proposition1_annealed,
    "proposition1-quarter": _proposition1_quarter,
    "lemma2": _lemma2,
    "lemma2-steps": _lemma2_steps,
    "lemma2-literal": lemma2_literal,
    "oscillation": _oscillation,
    "needs-early-stopping": _early_stopping,
    "needs-mismatch": _mismatch,
    **PROVERS,
}
NAMES = tuple(_PROVERS)
EXPECTED = dict.fromkeys(NAMES, "proved") | {"lemma2-literal": "disproved"}
"""The verdict that each statement should get."""
INSTANCES = {
    *("eq3", "eq4", "attainment", "lemma2", "lemma2-literal", "needs-mismatch"),
    "minibatch-run-by-run",
}
"""The statements about one problem; the others hold for all of their parameters."""
_OF_CLAIM = {
    "lemma2-flow": "lemma2",
    "lemma2-annealed": "lemma2",
    "lemma2-proof-steps": "lemma2",
    "lemma2-annealed-literal": "lemma2-literal",
}
"""Claims of `isoloss.paper.claims` whose certificate has another name."""


def certificate(name: str) -> Certificate:
    """Prove one of the paper's statements.

    Parameters
    ----------
    name : str
        One of `NAMES`, or the id of a claim.

    Returns
    -------
    Certificate
        The statement's certificate.

    Raises
    ------
    KeyError
        If no statement has that name.

    Examples
    --------
    >>> certificate("proposition1-flow").verdict
    'proved'
    >>> certificate("lemma2-literal").verdict
    'disproved'
    """
    return _PROVERS[_OF_CLAIM.get(name, name)]()


def name_of(claim: str) -> str | None:
    """Return the name of the certificate for a claim, or None if the claim has none.

    Parameters
    ----------
    claim : str
        The ``id`` of a `Claim`.
    """
    name = _OF_CLAIM.get(claim, claim)
    return name if name in _PROVERS else None


def certificates() -> Iterator[tuple[str, Certificate]]:
    """Prove all of the paper's statements, and yield each name with its certificate."""
    for name in NAMES:
        yield name, certificate(name)
