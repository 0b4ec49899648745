"""Check eq. (1) and (2), the table, and eq. (3) and (4)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from isoloss.levels.band import level_band
from isoloss.paper.claim import Claim
from isoloss.paper.two_dimensions import example
from isoloss.problems.problem import Problem

__all__ = ["band_claims", "loss_claims", "table_claims"]

# β - β* for β on a grid, with β* = (3, -2)
_RESIDUALS = [
    (Fraction(a, 7) - 3, Fraction(b, 5) + 2) for a in range(-6, 7, 3) for b in range(-6, 7, 2)
]
_PROBLEMS, _SAMPLES = 50, 2000


def loss_claims() -> list[Claim]:
    """Check eq. (1) and (2): compute both losses from their definitions in exact fractions."""
    first, second = (1, 0), (0, 1)
    claims = []
    for name, rows, coefficients, statement, formula in (
        (
            "eq1",
            (first, first, second),
            (Fraction(2, 3), Fraction(1, 3)),
            "with e1 drawn twice the train loss is 2/3 and 1/3 of the squared errors",
            r"\hat L(\beta) = \frac23(\beta_1-\beta_1^*)^2 + \frac13(\beta_2-\beta_2^*)^2",
        ),
        (
            "eq2",
            (first, second),
            (Fraction(1, 2), Fraction(1, 2)),
            "the population loss is 1/2 and 1/2 of the squared errors",
            r"L_D(\beta) = \frac12(\beta_1-\beta_1^*)^2 + \frac12(\beta_2-\beta_2^*)^2",
        ),
    ):
        gap = max(abs(_mean_square(rows, *d) - _form(coefficients, *d)) for d in _RESIDUALS)
        claims.append(
            Claim(
                id=name,
                place=f"section 2, eq. ({name[-1]})",
                statement=statement,
                formula=formula,
                parameters={"points": len(_RESIDUALS), "arithmetic": "exact fractions"},
                computed=f"largest difference at {len(_RESIDUALS)} points: {gap}",
                margin=-float(gap),
                numbers={"largest_difference": str(gap)},
            )
        )
    return claims


def table_claims(epsilon: float) -> list[Claim]:
    """Check the table: two points on the ellipse of train loss ε, and their test losses."""
    claims = []
    for name, residual, factor, symbol in (
        ("table-good", (np.sqrt(1.5 * epsilon), 0.0), 0.75, r"(\sqrt{1.5\,\epsilon}, 0)"),
        ("table-bad", (0.0, np.sqrt(3.0 * epsilon)), 1.5, r"(0, \sqrt{3\,\epsilon})"),
    ):
        problem = example(target=residual)
        train, test = problem.start_train_loss, problem.start_test_loss
        gap = max(abs(train / epsilon - 1.0), abs(test / (factor * epsilon) - 1.0))
        claims.append(
            Claim(
                id=name,
                place="section 2, table",
                statement=f"a point of train loss ε has test loss {factor}ε",
                formula=rf"\beta-\beta^* = {symbol}: \hat L = \epsilon,\ L_D = {factor}\,\epsilon",
                parameters={"epsilon": epsilon},
                computed=f"L̂/ε = {train / epsilon:.15g}, L_D/ε = {test / epsilon:.15g}",
                margin=-gap,
                numbers={"train_loss": train, "test_loss": test},
            )
        )
    return claims


def band_claims(seed: int) -> list[Claim]:
    """Check eq. (3) and (4): no sampled point leaves the band, and both ends are attained."""
    rng = np.random.default_rng(seed)
    inside = {"eq3": np.inf, "eq4": np.inf}
    attained = {"eq3": 0.0, "eq4": 0.0}
    for _ in range(_PROBLEMS):
        d = int(rng.integers(2, 6))
        gamma, lam = 10.0 ** rng.uniform(-2, 1, (2, d))
        level = float(10.0 ** rng.uniform(-6, 2))
        band = level_band(Problem.from_spectra(gamma, lam, np.ones(d)), level)
        points = rng.standard_normal((_SAMPLES, d))
        points *= np.sqrt(level / (points**2 @ gamma))[:, None]
        test = points**2 @ lam
        for name, end, point, sign in (
            ("eq3", band.lowest, band.lowest_residual(), 1.0),
            ("eq4", band.highest, band.highest_residual(), -1.0),
        ):
            inside[name] = min(inside[name], float((sign * (test / end - 1.0)).min()))
            met = max(abs(point**2 @ gamma / level - 1.0), abs(point**2 @ lam / end - 1.0))
            attained[name] = max(attained[name], float(met))
    claims = []
    for name, word, extreme in (("eq3", "lowest", "min"), ("eq4", "highest", "max")):
        margin = min(inside[name], -attained[name] if attained[name] > 1e-12 else np.inf)
        claims.append(
            Claim(
                id=name,
                place=f"appendix A.1, eq. ({name[-1]})",
                statement=f"the {word} test loss at train loss ε is ε times the {extreme} of λ/γ",
                formula=rf"\{extreme}_{{\hat L(\beta)=\epsilon}} L_D = "
                rf"\epsilon\,\{extreme}_i \lambda_i/\gamma_i",
                parameters={"problems": _PROBLEMS, "points": _PROBLEMS * _SAMPLES, "seed": seed},
                computed=f"{_PROBLEMS * _SAMPLES} random points inside, "
                f"end met to {attained[name]:.1e}",
                margin=float(margin),
                numbers={"closest_point": inside[name], "end_met_to": attained[name]},
            )
        )
    return claims


def _mean_square(rows: Sequence[tuple[int, int]], first: Fraction, second: Fraction) -> Fraction:
    return sum(((x * first + y * second) ** 2 for x, y in rows), Fraction(0)) / len(rows)


def _form(coefficients: tuple[Fraction, Fraction], first: Fraction, second: Fraction) -> Fraction:
    return coefficients[0] * first**2 + coefficients[1] * second**2
