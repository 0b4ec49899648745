"""certify: prove or disprove a claim about one problem and its schedules."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from flint import fmpq

from isoloss.checker.flint_precision import precision
from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.problems.problem import Problem
from isoloss.proof.certificates import Certificate, Verdict, certificate, enclosure
from isoloss.proof.dynamics import EnclosedProblem, StopEnclosure, follow
from isoloss.proof.exact_problem import SPECTRA, ExactProblem, exact
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import IndeterminateError, UnboundedError
from isoloss.proof.quantity_names import check_claim, check_schedule_names, quantities
from isoloss.proof.schedules import Piece, piece_texts, read_schedule
from isoloss.schedules.resolving import Given

__all__ = ["certify"]

_FIRST = 64  # bits
_LARGEST = 2**13


def certify(
    problem: ExactProblem | Problem,
    schedule: Given | Mapping[str, Given],
    level: Any,
    claim: str,
    *,
    last_step: LastStep = "exact",
    max_precision: int = 4096,
) -> Certificate:
    """Prove or disprove a claim about training by schedules to a train loss.

    Training stops as in `isoloss.train`. All computations use intervals that are proven to contain
    the true numbers; the precision doubles until the claim is decided.

    Parameters
    ----------
    problem : ExactProblem or Problem
        A commuting problem; the floats of a `Problem` are taken as exact binary numbers.
    schedule : Schedule, phase or str, or a mapping of names to these
        Gradient descent and flow. Rates in a text such as ``"gd(1, 10) > flow"`` are exact, in
        units of the largest stable rate 1/γ₁; ``"gd(3/2 / max_lr, 10)"`` has an absolute rate.
    level : number or None
        The train loss to stop at, as exact as the problem's numbers; None to train to the end.
    claim : str
        An inequality such as ``"test_loss <= 3/4 * level"`` or, for named schedules,
        ``"annealed.test_loss < flow.test_loss"`` or ``"flow.test_loss >= 1.99 *
        annealed.test_loss"``. It may use ``test_loss``, ``train_loss``, ``time``, ``steps``,
        ``last_rate``, ``reached``, ``part1``, ``part2``, … (the train loss of each direction) of
        each schedule;
        ``level``, and ``train1``, ``test1``, ``square1``, … (γ_1, λ_1, δ_1(0)²) of the problem;
        ``exp``, ``log``, ``sqrt``, ``abs``, ``min``, ``max``, ``and``, ``or``, ``not``. Decimal
        numbers are exact: 0.1 is one tenth. If the claim mentions a schedule that does not reach
        the level, the claim counts as false, unless it uses the schedule's ``reached``: then the
        quantities of a schedule that misses the level are those at its end.
    last_step : ``"exact"`` or ``"whole"``
        Whether the step that first ends at or below the level is shortened to end at it exactly,
        or taken whole, as in GD(K, η, ε) of the paper.
    max_precision : int, default: 4096
        The precision at which to give up, in bits.

    Returns
    -------
    Certificate
        The verdict ``"proved"``, ``"disproved"`` or ``"undecided"``, with all enclosures.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If the problem does not commute, the schedule has momentum, or the claim cannot be read.

    Examples
    --------
    >>> problem = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])
    >>> both = {"flow": "flow", "annealed": "gd(1, 10) > flow"}
    >>> certify(problem, both, "1/10000", "flow.test_loss > 1.9999 * annealed.test_loss")
    Certificate(proved: flow.test_loss > 1.9999 * annealed.test_loss)
    >>> certify(problem, both, "1/10000", "flow.test_loss >= 2 * annealed.test_loss").verdict
    'disproved'
    """
    problem = ExactProblem.of(problem)
    exact_level = None if level is None else exact("level", level)
    if exact_level is not None and exact_level < 0:
        raise ValueError(f"level must be at least 0, as train losses are; got {exact_level}")
    named = dict(schedule) if isinstance(schedule, Mapping) else {"": schedule}
    if not named:
        raise ValueError("give at least one schedule")
    schedules = {name: read_schedule(each, problem.max_lr) for name, each in named.items()}
    check_schedule_names(named)
    inequality = Expression.parse(claim)
    demanded = check_claim(inequality, schedules, len(problem.train), level=level is not None)
    exact_stop = stops_exactly(last_step)
    if not _FIRST <= operator.index(max_precision) <= _LARGEST:
        raise ValueError(
            f"max_precision must be from {_FIRST} to {_LARGEST} bits; got {max_precision!r}"
        )
    spectrum = EnclosedProblem(problem.train, problem.test, problem.start_squared, problem.noise)
    bits = _FIRST
    while True:
        with precision(bits):
            stops, truth, reason = _decide(
                spectrum, schedules, exact_level, inequality, demanded, exact=exact_stop
            )
        if truth is not None or 2 * bits > max_precision:
            break
        bits *= 2
    verdict: Verdict = "proved" if truth else "disproved"
    if truth is None:
        verdict, reason = "undecided", f"{reason}, in up to {bits} bits"
    return certificate(
        "runs",
        problem={
            **{what: [str(value) for value in getattr(problem, what)] for what in SPECTRA},
            "noise": str(problem.noise),
        },
        level=None if exact_level is None else str(exact_level),
        last_step=last_step,
        claim=inequality.text,
        at_level=demanded,
        verdict=verdict,
        reason=reason,
        precision=bits,
        runs={name: _run(schedules[name], stop) for name, stop in stops.items()},
    )


def _decide(
    spectrum: EnclosedProblem,
    schedules: Mapping[str, Sequence[Piece]],
    level: fmpq | None,
    claim: Expression,
    demanded: Sequence[str],
    *,
    exact: bool,
) -> tuple[dict[str, StopEnclosure], bool | None, str]:
    """Return the stops, whether the claim holds, and why if it does not or is undecided."""
    stops: dict[str, StopEnclosure] = {}
    try:
        stops = {
            name: follow(spectrum, each, level, exact=exact) for name, each in schedules.items()
        }
        missed = [name or "the schedule" for name in demanded if not stops[name].reached]
        if missed:
            do = "do" if len(missed) > 1 else "does"
            return stops, False, f"{' and '.join(missed)} {do} not reach the level"
        truth = claim.holds(quantities(spectrum, stops, level))
    except (IndeterminateError, UnboundedError) as error:
        return stops, None, f"not decided: {error}"
    return stops, truth, "" if truth is not None else "the sides of the claim cannot be told apart"


def _run(schedule: Sequence[Piece], stop: StopEnclosure) -> dict[str, Any]:
    return {
        "schedule": piece_texts(schedule),
        "reached": stop.reached,
        "piece": stop.piece,
        "steps": stop.steps,
        "inside": None if stop.inside is None else enclosure(stop.inside),
        "time": None if stop.time is None else enclosure(stop.time),
        "last_rate": None if stop.last_rate is None else enclosure(stop.last_rate),
        "train_loss": enclosure(stop.train_loss),
        "test_loss": enclosure(stop.test_loss),
        "parts": [enclosure(part) for part in stop.parts],
    }
