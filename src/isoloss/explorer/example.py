"""The paper's example with all of its inputs adjustable: Figure 1, both losses, the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.levels.band import level_band
from isoloss.paper.two_dimensions import draws, proposition_target
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["ExampleState", "Trained", "view"]

_POINTS = 80  # points per phase of a path
_FAR = 1e9
_MOST_ROWS, _MOST_MINIBATCHES = 10**6, 10**4
_ROUNDING = 1e-12  # allowed, as bounds are attained: in part 2 exactly, in part 1 as α → 0
_TEST = (0.5, 0.5)
_DRAWS = tuple((draw.counts, str(draw.probability)) for draw in draws())


@dataclass(frozen=True)
class ExampleState:
    """The state of the page's controls; by default, Figure 1 of the paper.

    Attributes
    ----------
    draw : tuple of int
        How often each direction was drawn.
    lr, steps : float, int
        The rate η and the number K of steps of the annealed run.
    batch : int or None
        The number B of rows in each of its minibatches, drawn with replacement; None for all rows.
    level, alpha : float
        The train loss ε to stop at, and α of Proposition 1.
    start, target : tuple of float
        The parameters at the start, and β*.
    instance : bool
        Whether start and target are the ones in Proposition 1.
    """

    draw: tuple[int, ...] = (2, 1)
    lr: float = 1.4475
    steps: int = 12
    batch: int | None = None
    level: float = 0.12
    alpha: float = 0.1
    start: tuple[float, ...] = (0.0, 0.0)
    target: tuple[float, ...] = (3.0, 2.0)
    instance: bool = False

    @classmethod
    def read(cls, fields: Fields) -> ExampleState:
        """Read the state from an address; raise `FaultsError` if a field is wrong."""
        own = cls()
        known = [",".join(map(str, counts)) for counts, _ in _DRAWS]
        draw = fields.choice("draw", known[1], "the draw", known)
        alpha = fields.number("alpha", own.alpha, "α", least=1e-6, most=1 - 1e-6)
        points = {}
        for name in ("start", "target"):
            what = f"a coordinate of the {name}"
            points[name] = fields.numbers(name, getattr(own, name), what, least=-_FAR, most=_FAR)
            if len(points[name]) != 2:
                fields.fault(name, f"the {name} needs two coordinates; got {len(points[name])}")
                points[name] = getattr(own, name)
        instance = fields.choice("instance", "no", "instance", ("yes", "no")) == "yes"
        if instance:
            points = {"start": (0.0, 0.0), "target": proposition_target(alpha)}
        steps = fields.whole("steps", own.steps, "the steps K", least=0, most=10**9)
        batch = None
        if fields.query.get("batch"):
            batch = fields.whole("batch", 1, "the batch size B", least=1, most=_MOST_ROWS)
            if steps > _MOST_MINIBATCHES:
                most = f"at most {_MOST_MINIBATCHES} steps of minibatches here"
                fields.fault("steps", f"{most}; got {steps}: empty the batch size B for more")
        state = cls(
            draw=tuple(map(int, draw.split(","))),
            lr=fields.number("lr", own.lr, "the learning rate η", least=1e-9, most=1e6),
            steps=steps,
            batch=batch,
            level=fields.number("level", own.level, "the train loss ε", least=1e-100, most=1e100),
            alpha=alpha,
            start=points["start"],
            target=points["target"],
            instance=instance,
        )
        return fields.done(state)


@dataclass(frozen=True, eq=False)
class Trained:
    """The two runs of a state."""

    state: ExampleState
    problem: Problem
    flow: Run
    annealed: Run
    """With minibatches, it is of the same problem, made from its rows."""

    @cached_property
    def is_trained(self) -> bool:
        """Whether the start's train loss is above ε."""
        return bool(self.problem.start_train_loss > self.state.level)

    @classmethod
    def of(cls, state: ExampleState) -> Trained:
        """Train by gradient flow, and by K steps and then flow, down to ε."""
        problem = Problem.from_spectra(
            train=[count / sum(state.draw) for count in state.draw],
            test=_TEST,
            start=[s - t for s, t in zip(state.start, state.target, strict=True)],
        )
        if state.batch is None:
            both = [Schedule(GradientFlow()), anneal(state.lr, state.steps)]
            return cls(state, problem, *train(problem, both, train_loss=state.level))
        flow = train(problem, GradientFlow(), train_loss=state.level)
        annealed = anneal(state.lr, state.steps, batch_size=state.batch)
        try:
            run = train(of_rows(state), annealed, train_loss=state.level)
        except ValueError as error:
            raise FaultsError({"batch": str(error)}, state=state) from None
        return cls(state, problem, flow, run)


def of_rows(state: ExampleState) -> Problem:
    """Return the problem of a state from the rows that were drawn."""
    X, X_test = np.repeat(np.eye(2), state.draw, axis=0), np.eye(2)
    target, start = np.array(state.target), np.array(state.start)
    return Problem.from_data(X, X @ target, X_test, X_test @ target, start=start)


def view(state: ExampleState) -> dict[str, Any]:
    """Return everything that the page shows for a state."""
    trained = Trained.of(state)
    problem, runs = trained.problem, {"flow": trained.flow, "annealed": trained.annealed}
    curvature, annealed = np.asarray(problem.curvature), trained.annealed.test_loss
    losses = [1.0, *(run.train_loss for run in runs.values())]
    band = level_band(problem, losses)
    edges = list(zip(band.lowest.tolist(), band.highest.tolist(), strict=True))
    return {
        "state": state,
        "draws": [{"counts": counts, "probability": share} for counts, share in _DRAWS],
        "curvature": curvature,
        "test": _TEST,
        "marks": _marks(curvature, state.batch),
        "runs": {
            name: _run(run, state, *edge)
            for (name, run), edge in zip(runs.items(), edges[1:], strict=True)
        },
        "slopes": edges[0],
        # of two runs that take no step there is nothing to compare
        "ratio": trained.flow.test_loss / annealed if trained.is_trained and annealed > 0 else None,
        "bounds": _bounds(trained, curvature),
        "premises": _premises(state),
        "notes": _notes(trained),
    }


def _run(run: Run, state: ExampleState, lowest: float, highest: float) -> dict[str, Any]:
    path, lr = run.path(_POINTS), state.lr
    place = None
    if np.isfinite(highest) and highest > lowest:
        # the ends of the band are met to rounding
        place = round(float(np.clip((run.test_loss - lowest) / (highest - lowest), 0.0, 1.0)), 12)

    def points(at: Filtered) -> np.ndarray:
        if run.schedule.has_minibatches:
            return np.asarray(at.coef())
        # β = β(0) + (h - 1) δ(0) keeps a direction that never moves exactly at its start
        delta = np.subtract(state.start, state.target)
        with np.errstate(over="ignore", invalid="ignore"):  # diverging runs may overflow
            moved = (np.asarray(at.sign) * np.exp(at.log) - 1.0) * delta
        return state.start + np.where(delta == 0, 0.0, moved)

    return {
        "points": points(path),
        "steps": path.steps,
        "time": path.steps * lr + path.time,
        "train": path.train_loss,
        "test": path.test_loss,
        "end": points(run),
        "reached": run.reached,
        "end_steps": run.steps,
        "end_time": run.time,
        "train_loss": run.train_loss,
        "test_loss": run.test_loss,
        "lowest": lowest,
        "highest": highest,
        "place": place,
    }


def _marks(curvature: np.ndarray, batch: int | None) -> list[dict[str, Any]]:
    """Return the rates that the slider marks, each with a description of its effect."""
    top = float(curvature.max())
    marks = {1 / (2 * top): ["1/(2γ₁)"], 1 / top: ["1/γ₁, the largest stable rate"]}
    for i, gamma in enumerate(curvature):
        if gamma > 0:
            marks.setdefault(1 / (2 * float(gamma)), []).append(f"removes β{'₁₂'[i]} in one step")
    if batch is not None:
        # a step multiplies E δ² by 1 - 4ηγ + 4η²(γ² + γ(1 - γ)/B)
        stable = 1 / (top + (1 - top) / batch)
        marks.setdefault(stable, []).append("the largest rate stable in mean square")
    return [{"value": value, "label": ": ".join(words)} for value, words in sorted(marks.items())]


def _bounds(trained: Trained, gamma: np.ndarray) -> list[dict[str, Any]]:
    """Return both bounds of Proposition 1, or none of untrained runs or directions not drawn."""
    state = trained.state
    if not (gamma.all() and trained.is_trained):
        return []
    top, level = int(gamma.argmax()), state.level
    delta = np.subtract(state.start, state.target)
    with np.errstate(all="ignore"):  # on overflow the bound is infinite
        rest = _TEST[0] * delta[1 - top] ** 2
        rest *= np.abs(1 - 2 * state.lr * gamma[1 - top]) ** (2.0 * state.steps)
    flow, annealed = trained.flow.test_loss, trained.annealed.test_loss
    low, high = 1.5 * level * (1 - state.alpha), 0.75 * level + float(rest)
    first = {
        "name": "Proposition 1, part 1",
        "statement": "flow: test loss ≥ 1.5 ε (1 − α)",
        "bound": low,
        "value": flow,
        "holds": flow >= low * (1 - _ROUNDING),
    }
    if state.batch is not None:  # part 2 is about full batches
        return [first]
    return [
        first,
        {
            "name": "Proposition 1, part 2",
            "statement": "annealed: test loss ≤ 0.75 ε + λ₂δ₂(0)²(1 − 2ηγ₂)²ᴷ",
            "bound": high,
            "value": annealed,
            "holds": annealed <= high * (1 + _ROUNDING),
        },
    ]


def _premises(state: ExampleState) -> list[dict[str, Any]]:
    """Return the premises of Proposition 1, and whether each holds here."""
    placed = state.start == (0.0, 0.0) and state.target == proposition_target(state.alpha)
    return [
        {"text": "start 0, target 100 α^(−1/2)", "met": placed},
        {"text": "η = 3/2", "met": state.lr == 1.5},
        {"text": "full batches", "met": state.batch is None},
        {"text": "ε below 1", "met": state.level < 1},
        {"text": "both directions drawn", "met": all(state.draw)},
    ]


def _notes(trained: Trained) -> list[str]:
    """Return sentences on what is special about this state."""
    state, notes = trained.state, []
    if state.batch is not None:
        notes.append(
            f"Minibatches of {state.batch} of the three samples, drawn with replacement: losses of "
            "the annealed run are expected ones, of runs that all stop at the same time, and its "
            "path is that of the mean parameters."
        )
    if not trained.is_trained:
        start = trained.problem.start_train_loss
        notes.append(
            f"The start's train loss {start:.4g} is already at most ε: nothing is trained, "
            "and there is nothing to compare."
        )
    elif trained.annealed.steps < state.steps:
        rate = trained.annealed.last_rate
        shortened = "" if np.isnan(rate) else f"; the last one is shortened to the rate {rate:.4g}"
        notes.append(
            f"The annealed run reaches ε after {trained.annealed.steps} of {state.steps} steps, "
            f"before its flow{shortened}."
        )
    if not all(state.draw):
        drawn = int(np.argmax(state.draw))
        ends = [float(run.residual()[drawn]) for run in (trained.flow, trained.annealed)]
        same = np.sign(ends[0]) == np.sign(ends[1])
        if np.isclose(abs(ends[0]), abs(ends[1]), rtol=1e-9):
            notes.append(
                "One direction was never drawn and never moves. Both ends are "
                + ("the same point." if same else "identical up to sign: same losses.")
            )
    return notes
