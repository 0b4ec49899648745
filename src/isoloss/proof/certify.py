"""certify: a claim about one problem and its schedules, proved, disproved or undecided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flint import ctx, fmpq

from isoloss.problem import Problem
from isoloss.proof.certificate import Certificate, Verdict, certificate, enclosure
from isoloss.proof.dynamics import Spectrum, Stop, UndecidedError, follow
from isoloss.proof.exact import ExactProblem, exact, text
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import UnboundedError, Value
from isoloss.proof.schedules import Piece, check_piece, piece_texts, read_schedule
from isoloss.schedule import Phase, Schedule

__all__ = ["certify", "known_names", "precision", "quantities"]

_FIRST = 64  # bits
_LARGEST = 2**15
_GIVEN = ("train", "test", "square")


def certify(
    problem: ExactProblem | Problem,
    schedule: Schedule | Phase | str | Mapping[str, Schedule | Phase | str],
    level: Any,
    claim: str,
    *,
    max_precision: int = 4096,
) -> Certificate:
    """Prove or disprove a claim about training by schedules to a train loss.

    Stops are those of `isoloss.train`. All is done in intervals that are proven to hold the true
    numbers; the precision doubles until the claim is decided.

    Parameters
    ----------
    problem : ExactProblem or Problem
        A commuting problem; a `Problem`'s floats are taken as the binary numbers that they are.
    schedule : Schedule, phase or str, or a mapping of names to these
        Gradient descent and flow. A text such as ``"gd(1, 10) > flow"`` has rates in units of the
        largest stable rate 1/γ₁, exactly; an absolute rate is ``"gd(3/2 / max_lr, 10)"``.
    level : number or None
        The train loss to stop at, exact as the problem's numbers; None to run to the end.
    claim : str
        An inequality such as ``"test_loss <= 3/4 * level"``; for named schedules such as
        ``"annealed.test_loss < flow.test_loss"`` or ``"flow.test_loss >= 1.99 *
        annealed.test_loss"``. Known are ``test_loss``, ``train_loss``, ``time``, ``steps``,
        ``reached``, ``part1``, ``part2``, … (the train loss of each direction) of each schedule;
        ``level``, and ``train1``, ``test1``, ``square1``, … (γ_1, λ_1, δ_1(0)²) of the problem;
        ``exp``, ``log``, ``sqrt``, ``abs``, ``min``, ``max``, ``and``, ``or``, ``not``. Where a
        schedule does not reach the level, its losses are those at its end: ``reached and …``
        demands that it does.
    max_precision : int, default: 4096
        Where to give up, in bits.

    Returns
    -------
    Certificate
        The verdict ``"proved"``, ``"disproved"`` or ``"undecided"``, with all enclosures.

    Raises
    ------
    TypeError
        If an argument is of another kind.
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
    named = dict(schedule) if isinstance(schedule, Mapping) else {"": schedule}
    schedules = {
        name: [check_piece(piece) for piece in read_schedule(each, problem.max_lr)]
        for name, each in named.items()
    }
    for name in named:
        if name and not name.isidentifier():
            raise ValueError(f"the name of a schedule must be a word; got {name!r}")
    inequality = Expression.parse(claim)
    known = known_names(schedules, len(problem.train), level=exact_level is not None)
    inequality.check_names(known)
    if not isinstance(max_precision, int) or not _FIRST <= max_precision <= _LARGEST:
        raise ValueError(
            f"max_precision must be from {_FIRST} to {_LARGEST} bits; got {max_precision!r}"
        )
    spectrum = Spectrum(problem.train, problem.test, problem.start_squared, problem.noise)
    stops: dict[str, Stop] = {}
    bits, truth, reason = _FIRST, None, ""
    while True:
        with precision(bits):
            try:
                stops = {n: follow(spectrum, each, exact_level) for n, each in schedules.items()}
                truth = inequality.holds(quantities(spectrum, stops, exact_level))
                reason = "" if truth is not None else "the sides of the claim cannot be told apart"
            except UndecidedError as error:
                stops, reason = {}, f"not decided: {error}"
            except UnboundedError as error:
                reason = f"not decided: {error}"
            if truth is not None or 2 * bits > max_precision:
                verdict: Verdict = "undecided"
                if truth is not None:
                    verdict = "proved" if truth else "disproved"
                else:
                    reason += f", in up to {bits} bits"
                return certificate(
                    "runs",
                    problem={
                        "train": [text(value) for value in problem.train],
                        "test": [text(value) for value in problem.test],
                        "start_squared": [text(value) for value in problem.start_squared],
                        "noise": text(problem.noise),
                    },
                    level=None if exact_level is None else text(exact_level),
                    claim=inequality.text,
                    verdict=verdict,
                    reason=reason,
                    precision=bits,
                    runs={name: _run(schedules[name], stop) for name, stop in stops.items()},
                )
        bits *= 2


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work at a precision, and restore the one before."""
    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


def quantities(
    spectrum: Spectrum, stops: Mapping[str, Stop], level: Value | None
) -> dict[str, Value | bool]:
    """Return what a claim may speak of."""
    found: dict[str, Value | bool] = {} if level is None else {"level": level}
    for what, values in zip(_GIVEN, (spectrum.train, spectrum.test, spectrum.squares), strict=True):
        found |= {f"{what}{i + 1}": value for i, value in enumerate(values)}
    for name, stop in stops.items():
        dot = f"{name}." if name else ""
        found |= {
            f"{dot}test_loss": stop.test_loss,
            f"{dot}train_loss": stop.train_loss,
            f"{dot}steps": fmpq(stop.steps),
            f"{dot}reached": stop.reached,
            **{f"{dot}part{i + 1}": part for i, part in enumerate(stop.parts)},
        }
        if stop.time is not None:
            found[f"{dot}time"] = stop.time
    return found


def known_names(schedules: Iterable[str], d: int, *, level: bool) -> set[str]:
    """Return the names of `quantities`."""
    fields = ["test_loss", "train_loss", "time", "steps", "reached"]
    fields += [f"part{i + 1}" for i in range(d)]
    known = {f"{name}.{field}" if name else field for name in schedules for field in fields}
    known |= {f"{what}{i + 1}" for what in _GIVEN for i in range(d)}
    return known | {"level"} if level else known


def _run(schedule: Sequence[Piece], stop: Stop) -> dict[str, Any]:
    return {
        "schedule": piece_texts(schedule),
        "reached": stop.reached,
        "piece": stop.piece,
        "steps": stop.steps,
        "inside": None if stop.inside is None else enclosure(stop.inside),
        "time": None if stop.time is None else enclosure(stop.time),
        "train_loss": enclosure(stop.train_loss),
        "test_loss": enclosure(stop.test_loss),
        "parts": [enclosure(part) for part in stop.parts],
    }
