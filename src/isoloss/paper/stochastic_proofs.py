"""Prove what minibatches do in the paper's example; the paper has no stochastic gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from isoloss.proof import Certificate, for_all, identity, theorem

__all__ = ["PROVERS"]

# E δ² after a step over E δ² before, for c = 1/B and rate e: of the steep and the flat direction
_STEEP = "(1 - 8/3*e + 4*e**2*(4/9 + 2/9*c))"
_FLAT = "(1 - 4/3*e + 4*e**2*(1/9 + 2/9*c))"
_SETTING = (
    "The rows are e1, with share 2/3, and e2. A step at rate η on B rows drawn with replacement "
    "multiplies E δ_i² by f(p_i) = 1 - 4ηp_i + 4η²(p_i² + p_i(1 - p_i)/B): minibatch-step. Below, "
    "a = E δ_1², b = E δ_2², so that the expected train loss is (2/3)a + (1/3)b, and the test loss "
    "(1/2)(a + b) is 3/4 of it plus b/4."
)
_TEST_LOSS = ("1/2*(a + b)", "3/4*(2/3*a + 1/3*b) + 1/4*b")
# two states of equal train loss: δ_2² = b and d, and δ_1² = C·d² and C·b² - s
_SAME_LEVEL = (
    "(2*(C*b**2 - s) + b) - (2*C*d**2 + d)",
    "(b - d)*(1 + 2*C*(b + d)) - 2*s",
)


def _step() -> Certificate:
    parts = [
        identity("B*p + (B**2 - B)*p**2", "B**2*p**2 + B*p*(1 - p)"),
        identity("1 - 2*(2*e)*m1 + (2*e)**2*m2", "1 - 4*e*m1 + 4*e**2*m2"),
    ]
    for size in (1, 2, 3, 4):
        batches = " + ".join(
            f"{math.comb(size, k)}*p**{k}*(1 - p)**{size - k}"
            + f"*(1 - 2*e*{k}/{size})**2" * (k > 0)
            for k in range(size + 1)
        )
        parts.append(identity(batches, f"1 - 4*e*p + 4*e**2*(p**2 + p*(1 - p)/{size})"))
    return theorem(
        "minibatch-step",
        "for every batch size B, rate η and share p of the rows that are e_i: a step on B rows "
        "drawn with replacement multiplies E δ_i² by 1 - 4ηp + 4η²(p² + p(1 - p)/B)",
        [
            "If a share m of the batch is e_i, the step multiplies δ_i by 1 - 2ηm. The batch does "
            "not depend on δ: E δ_i² is multiplied by E (1 - 2ηm)² = 1 - 4η E m + 4η² E m².",
            "E m = p. B²m² is the sum over B² pairs of draws: the B pairs of a draw with itself "
            "have expectation p, the others p². So B² E m² = Bp + (B² - B)p² = B²p² + Bp(1 - p).",
            "The last parts go through all batches of 1 to 4 rows.",
        ],
        parts,
    )


def _stability() -> Certificate:
    return theorem(
        "minibatch-stability",
        "for every batch size B and start with δ_1(0) ≠ 0, E δ_1² and E δ_2² stay bounded at a "
        "constant rate η ≥ 0 exactly if η ≤ 3B/(2B + 1); E δ_1² falls in every step at any smaller "
        "rate above 0, and keeps its value at that rate",
        [
            _SETTING,
            "With c = 1/B, f(2/3) = 1 - (8/3)η(1 - η(2 + c)/3). Let h = 3/(2 + c), which is "
            "3B/(2B + 1), and η = sh: then f(2/3) = 1 - (8/3)hs(1 - s), because h(2 + c)/3 = 1. "
            "It is below 1 for 0 < s < 1, 1 for s = 1, and above 1 for s > 1.",
            "f(1/3) = 1 - (4/3)η(1 - η(1 + 2c)/3) is at most 1 up to η = 3/(1 + 2c), which is no "
            "smaller than h > 0: (2 + c) - (1 + 2c) = 1 - c ≥ 0, as B ≥ 1.",
        ],
        [
            identity(_STEEP, "1 - 8/3*e*(1 - e*(2 + c)/3)"),
            identity("3*(2*B + 1) - 3*B*(2 + c)", "3*(1 - B*c)"),
            identity(
                f"{_STEEP.replace('e', '(h*s)')} - (1 - 8/3*h*s*(1 - s))",
                "8/3*h*s**2*(h*(2 + c)/3 - 1)",
            ),
            identity(_FLAT, "1 - 4/3*e*(1 - e*(1 + 2*c)/3)"),
            identity("(2 + c) - (1 + 2*c)", "1 - c"),
            for_all({"c": (0, 1)}, "3/(2 + c) > 99/100"),
        ],
    )


def _single() -> Certificate:
    steep, flat = (each.replace("c", "1") for each in (_STEEP, _FLAT))
    return theorem(
        "minibatch-single",
        "with batches of one row, no sequence of steps at any rates η ≥ 0 and flows, with "
        "any shortened steps, ends with an expected test loss below that of gradient flow at the "
        "same expected train loss, for every start with δ_2(0) ≠ 0",
        [
            _SETTING,
            "With B = 1, f(1/3)² - f(2/3) = ((4/3)η(1 - η))², a square; both factors are above 0.",
            "Let C = δ_1(0)²/δ_2(0)⁴, so that Cb² - a = 0 at the start. A flow multiplies a by z² "
            "and b by z = exp(-4t/3): it multiplies Cb² - a by z². A step turns Cb² - a into "
            "f(1/3)²(Cb² - a) + (f(1/3)² - f(2/3))a. So Cb² - a = s ≥ 0 at every time. A shortened "
            "step is a step at another rate.",
            "Let gradient flow have b = d at the same train loss: a = Cd². Equal train losses mean "
            "(b - d)(1 + 2C(b + d)) = 2s ≥ 0, so that b ≥ d; and the test loss is 3/4 of the train "
            "loss plus b/4.",
        ],
        [
            identity(f"{flat}**2 - {steep}", "(4/3*e*(1 - e))**2"),
            identity(steep, "1/3 + 2/3*(1 - 2*e)**2"),
            identity(flat, "2/3 + 1/3*(1 - 2*e)**2"),
            identity("C*(z*b)**2 - z**2*a", "z**2*(C*b**2 - a)"),
            identity("C*(g*b)**2 - f*a", "g**2*(C*b**2 - a) + (g**2 - f)*a"),
            identity(*_SAME_LEVEL),
            identity(*_TEST_LOSS),
        ],
    )


def _single_shares() -> Certificate:
    ways = "log(1 - p*y)/p < log(1 - (1 - p)*y)/(1 - p)"
    return theorem(
        "minibatch-single-shares",
        "the same for rows e1 with any share p from 1/2 to below 1, and e2 with share q = 1 - p: "
        "with batches of one row, at no rate does a step raise log(a)/p - log(b)/q, which flow "
        "keeps",
        [
            "With y = 4η(1 - η) ≤ 1 a step multiplies a by 1 - py > 0, b by 1 - qy > 0; flow for a "
            "time t multiplies a by exp(-4pt), b by exp(-4qt).",
            "With r = q/p ≤ 1: 1 - qy = r(1 - py) + (1 - r)·1. The logarithm is concave, so that "
            "log(1 - qy) ≥ r log(1 - py), which is log(1 - py)/p ≤ log(1 - qy)/q.",
            "At equal train loss pa + qb, log(a)/p - log(b)/q grows with a; the test loss "
            "(a + b)/2 falls with a, since b falls by p/q ≥ 1 times as much. So no run "
            "ends below gradient flow.",
            "The parts for p = 2/3, 3/4 and 3/5 show it without logarithms, with u = py/n: the "
            "differences are u², u²(3 - u) and u²(3 - 8u), and u ≤ p/n. The last parts are numbers "
            "away from p = 1/2 and y = 0, where both sides are equal.",
        ],
        [
            identity("1 - 4*e*p + 4*e**2*(p**2 + p*(1 - p))", "1 - p*(4*e*(1 - e))"),
            identity("1 - 4*e*(1 - e)", "(1 - 2*e)**2"),
            identity("r*(1 - p*y) + (1 - r)*1", "1 - (r*p)*y"),
            identity("(1 - u)**2 - (1 - 2*u)", "u**2"),
            identity("(1 - u)**3 - (1 - 3*u)", "u**2*(3 - u)"),
            identity("(1 - 2*u)**3 - (1 - 3*u)**2", "u**2*(3 - 8*u)"),
            for_all({}, "3 - (3/4)/3 > 0 and 3 - 8*(3/5)/3 > 0"),
            for_all({"p": ("3/5", "9/10"), "y": ("1/2", 1)}, ways),
            for_all({"p": ("3/5", "9/10"), "y": (-3, "-1/2")}, ways),
        ],
    )


def _limit() -> Certificate:
    return theorem(
        "minibatch-limit",
        "for every B ≥ 2, K ≥ 1 and train loss 0 < ε ≤ (2/3)δ_1(0)²: K steps at η = 3B/(2B + 1), "
        "then flow to the expected train loss ε, end with an expected test loss of (3/4)ε + b/4, "
        "0 ≤ b ≤ ((8B + 1)/(2B + 1)²)^K δ_2(0)² ≤ (17/25)^K δ_2(0)²: it tends to (3/4)ε",
        [
            _SETTING,
            "At that rate f(2/3) = 1: times B(2B + 1)², which has no denominators, it is "
            "B(2B + 1)². And f(1/3) = (8B + 1)/(2B + 1)², times the same B(8B + 1).",
            "So a stays δ_1(0)², the train loss at least (2/3)a ≥ ε, and no step stops the run "
            "below ε; b is multiplied by f(1/3) in each step, and the flow only lowers it.",
            "17(2B + 1)² - 25(8B + 1) = 4(B - 2)(17B + 1) ≥ 0: f(1/3) is at most 17/25, with "
            "equality for B = 2. (For B = 1 it is 1.)",
        ],
        [
            identity(
                "B*(2*B + 1)**2 - 8/3*(3*B)*B*(2*B + 1) + 4*(3*B)**2*(4*B + 2)/9",
                "B*(2*B + 1)**2",
            ),
            identity(
                "B*(2*B + 1)**2 - 4/3*(3*B)*B*(2*B + 1) + 4*(3*B)**2*(B + 2)/9",
                "B*(8*B + 1)",
            ),
            identity("17*(2*B + 1)**2 - 25*(8*B + 1)", "4*(B - 2)*(17*B + 1)"),
            for_all({}, "(8*2 + 1)/(2*2 + 1)**2 == 17/25 and (8*1 + 1)/(2*1 + 1)**2 == 1"),
            identity(*_TEST_LOSS),
        ],
    )


def _window() -> Certificate:
    end = "3*{0}/(2*({0} + 2))*(2 {1} sqrt(2*(1 - 1/{0})))"
    ends = [
        (2, "-", "0.7499", "0.7501"),
        (2, "+", "2.2499", "2.2501"),
        (3, "-", "0.7607", "0.7608"),
        (3, "+", "2.8392", "2.8393"),
        (10, "-", "0.8229", "0.8230"),
        (10, "+", "4.1770", "4.1771"),
    ]
    return theorem(
        "minibatch-window",
        "for every B ≥ 1, K ≥ 1 and δ(0) without zeros: K steps at η, none of which reaches the "
        "expected train loss ε, then flow to ε, end with a lower expected test loss than gradient "
        "flow exactly if (w - 2)² < 2(1 - 1/B) with w = (2/3)η(1 + 2/B), that is η between "
        "3B/(2(B + 2))·(2 ± sqrt(2(1 - 1/B))); with the same test loss if both sides are equal or "
        "η = 0; else with a higher one",
        [
            _SETTING,
            "With c = 1/B, f(2/3) - f(1/3)² = ((2/3)η)²(2(1 - c) - (w - 2)²). A step changes a/b² "
            "in that sense; K equal steps do so, too; flow keeps it.",
            "At equal train loss, a higher a/b² means a lower b, hence a lower test loss: "
            "C and s as in minibatch-single, here with either sign of s.",
            "η = 3B/(2B + 1) is among those that help, for every B ≥ 2: there "
            "w - 2 = -2(B - 1)/(2B + 1), and 4(B - 1)²/(2B + 1)² < 2(B - 1)/B, since "
            "(2B + 1)² - 2B(B - 1) > 0.",
            "For B = 1 the condition is never met: (w - 2)² is not below 0.",
        ],
        [
            identity(
                f"{_STEEP} - {_FLAT}**2",
                "(2/3*e)**2*(2*(1 - c) - (2/3*e*(1 + 2*c) - 2)**2)",
            ),
            identity("(f*a)*b**2 - a*(g*b)**2", "a*b**2*(f - g**2)"),
            identity(*_SAME_LEVEL),
            identity(*_TEST_LOSS),
            identity("2*(B + 2) - 2*(2*B + 1)", "-2*(B - 1)"),
            identity("(2*B + 1)**2 - 2*B*(B - 1)", "2*B**2 + 6*B + 1"),
            for_all(
                {},
                " and ".join(
                    f"{low} < {end.format(b, sign)} < {high}" for b, sign, low, high in ends
                ),
            ),
        ],
    )


def _run_by_run() -> Certificate:
    shares = {20: ("0.9193", "0.9194"), 100: ("0.8368", "0.8369")}
    claims = [
        f"{low} * {_test_loss(0)} < {_mean_test_loss(steps)} < {high} * {_test_loss(0)}"
        for steps, (low, high) in shares.items()
    ]
    return theorem(
        "minibatch-run-by-run",
        "batches of one row, K steps at η = 3/2 from δ(0)² = (10⁴, 10⁴), then flow until each run "
        "has its own train loss 1/2: the mean test loss of all runs is 0.9193… of gradient flow's "
        "for K = 20, and 0.8368… for K = 100",
        [
            "A step multiplies the square of the direction that is drawn by (1 - 2·3/2)² = 4 and "
            "leaves the other: train losses only grow, so that no step ends a run.",
            "If e1 is drawn k times, δ_1² = 4^k·10⁴, δ_2² = 4^(K - k)·10⁴, and their "
            "c = δ_1²/δ_2⁴ = 4^(3k - 2K)/10⁴, which the flow keeps. This happens with probability "
            "binom(K, k) 2^k/3^K.",
            "At train loss ε, 2cb² + b = 3ε for b = δ_2²: with r = sqrt(1 + 24cε), b = 6ε/(1 + r). "
            "The test loss (3/4)ε + b/4 is ε(3/4 + (3/2)/(1 + r)); gradient flow has k = K = 0.",
        ],
        [
            for_all({}, "(1 - 2*3/2)**2 == 4"),
            identity("2*c*(6*e)**2 + 6*e*(1 + r) - 3*e*(1 + r)**2", "3*e*(1 + 24*c*e - r**2)"),
            identity(*_TEST_LOSS),
            for_all({}, " and ".join(claims)),
        ],
    )


def _test_loss(power: int) -> str:
    """Return ε times this: the test loss of a run at train loss ε = 1/2, with 10⁴c = 4^power."""
    return f"(3/4 + 3/2/(1 + sqrt(1 + 12/10000*{_power(4, power)})))"


def _power(base: int, power: int) -> str:
    return f"{base}**{power}" if power >= 0 else f"1/{base}**{-power}"


def _mean_test_loss(steps: int) -> str:
    terms = [
        f"({Fraction(math.comb(steps, k) * 2**k, 3**steps)}) * {_test_loss(3 * k - 2 * steps)}"
        for k in range(steps + 1)
    ]
    return _added(terms)


def _added(terms: Sequence[str]) -> str:
    """Add terms by halves, so that long sums are not deeply nested."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_added(terms[:middle])} + {_added(terms[middle:])})"


PROVERS: dict[str, Callable[[], Certificate]] = {
    "minibatch-step": _step,
    "minibatch-stability": _stability,
    "minibatch-single": _single,
    "minibatch-single-shares": _single_shares,
    "minibatch-limit": _limit,
    "minibatch-window": _window,
    "minibatch-run-by-run": _run_by_run,
}
"""Functions that prove the statements, by name."""
