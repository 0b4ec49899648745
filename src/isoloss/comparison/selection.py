"""select(problem, test_problem, families): the best schedule of each family, and its rivals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest
from isoloss._parallel.threads import blas_by_size
from isoloss.comparison.best_stops import best, best_ridge
from isoloss.comparison.verdicts import worth
from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.levels.grid import spaced, start_excess
from isoloss.levels.reachable import best_filter
from isoloss.levels.ridge_regression import Ridge
from isoloss.optimize import design
from isoloss.optimize.designs import FAMILIES
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["Entry", "Selection", "family_names", "select"]

Floats = npt.NDArray[np.float64]
Error = Callable[[Floats], Floats]

_FLOW = "+flow"
_STOPS = 400  # train losses at which to try gradient flow and ridge regression
_LOWEST = 1e-6  # the lowest of these, as a share of the start's excess train loss
_NEEDS_NO_MORE = ("constant", "cosine", "decay", "exponential", "inverse_time", "one_cycle")


@dataclass(frozen=True, eq=False)
class Entry:
    """The best result of one way to train, chosen on the validation data.

    Attributes
    ----------
    name : str
        The name of the way to train.
    schedule : Schedule or None
        The schedule up to the stop; None for ridge regression and the bound.
    alpha : float or None
        The penalty of ridge regression.
    train_loss, validation_loss, test_loss : float
        The losses.
    validation_error, test_error : float or None
        For classes, the shares of rows classified wrongly.
    filter : array, shape (r,)
        The factor that multiplies the residual along each direction of the train covariance.
    """

    name: str
    schedule: Schedule | None
    alpha: float | None
    train_loss: float
    validation_loss: float
    test_loss: float
    validation_error: float | None
    test_error: float | None
    filter: Floats

    def __repr__(self) -> str:
        return (
            f"Entry({self.name!r}, validation loss {self.validation_loss:.4g}, "
            f"test loss {self.test_loss:.4g})"
        )


@dataclass(frozen=True, eq=False)
class Selection:
    """The result of `select`.

    Attributes
    ----------
    problem : Problem
        The problem, with validation data as its test data.
    flow, ridge : Entry
        Gradient flow at its best stop and ridge regression with its best penalty.
    designed : tuple of Entry
        The best schedule of each family.
    bound : Entry
        The best filter, which no schedule and no penalty can beat on the validation data.
    """

    problem: Problem
    flow: Entry
    ridge: Entry
    designed: tuple[Entry, ...]
    bound: Entry

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries: the rivals, the families, then the bound."""
        return self.flow, self.ridge, *self.designed, self.bound

    @property
    def best(self) -> Entry:
        """The designed schedule with the lowest validation loss."""
        return min(self.designed, key=lambda entry: entry.validation_loss)

    @property
    def verdict(self) -> str:
        """A sentence that compares the choice with its rival on the test data."""
        best = self.best
        rival = min(self.flow, self.ridge, key=lambda entry: entry.validation_loss)
        return worth(best.name, best.test_loss, rival.name, rival.test_loss)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each entry, as in ``results.csv``.

        Returns
        -------
        list of dict
            The entries without their filters, and with schedules as printed.
        """
        rows = []
        for entry in self.entries:
            fields = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
            del fields["filter"]
            schedule = entry.schedule
            rows.append(fields | {"schedule": "" if schedule is None else repr(schedule)})
        return rows


def family_names() -> tuple[str, ...]:
    """Return the families that `select` knows by name; each may be followed by "+flow"."""
    return (*FAMILIES, *_NEEDS_NO_MORE)


@blas_by_size
def select(
    problem: Problem,
    test_problem: Problem,
    names: Iterable[str] = ("annealed", "two-rate", "decreasing", "rates", "rates+flow"),
    *,
    steps: int = 16,
    starts: int = 10,
    seed: int = 0,
    validation_error: Error | None = None,
    test_error: Error | None = None,
    report: Callable[[str], None] | None = None,
) -> Selection:
    """Choose the best schedule of each family on validation data, and judge it on test data.

    Parameters
    ----------
    problem : Problem
        The problem, with validation data as its test data.
    test_problem : Problem
        The same problem with test data, from `Problem.with_test`.
    names : iterable of str
        Named families of `design`, or functions of `isoloss.families` that need no further
        argument; a name ending in "+flow" adds gradient flow after the steps.
    steps : int, default: 16
        The number of steps K, or the largest number for annealed and two-rate schedules.
    starts, seed : int
        As for `design`.
    validation_error, test_error : callable, optional
        Functions that return the share of wrong classes for coefficients.
    report : callable, optional
        A function that is called with each family's name before the search in it.

    Returns
    -------
    Selection
        An entry for each family, gradient flow, ridge regression and the bound.

    Raises
    ------
    ValueError
        If a family is unknown, or `design` raises it.

    Examples
    --------
    >>> import numpy as np, isoloss as il
    >>> rng = np.random.default_rng(0)
    >>> X, X_test = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    >>> y, y_test = X[:, 0] + rng.normal(size=40), X_test[:, 0] + rng.normal(size=40)
    >>> problem = il.Problem.from_data(X, y, X_test[:20], y_test[:20])
    >>> chosen = select(problem, problem.with_test(X_test[20:], y_test[20:]), ["rates"], steps=2)
    >>> [entry.name for entry in chosen.entries]
    ['flow', 'ridge', 'rates', 'best filter']
    """
    asked = [(name, *_family(name)) for name in dict.fromkeys(names)]
    if not asked:
        raise ValueError(f"give at least one family of {', '.join(family_names())}")

    def entry(name: str, found: Filtered) -> Entry:
        on_test = dataclasses.replace(found, problem=test_problem)
        errors = (validation_error, test_error)
        wrong = [None if error is None else float(error(found.coef())) for error in errors]
        return Entry(
            name=name,
            schedule=found.schedule if isinstance(found, Run) else None,
            alpha=float(found.alpha) if isinstance(found, Ridge) else None,
            train_loss=float(found.train_loss),
            validation_loss=float(found.test_loss),
            test_loss=float(on_test.test_loss),
            validation_error=wrong[0],
            test_error=wrong[1],
            filter=np.asarray(found.sign) * np.exp(np.asarray(found.log)) + 0.0,  # no minus zeros
        )

    designed = []
    for name, family, flow in asked:
        if report is not None:
            report(name)
        found = design(problem, "best", family, steps=steps, flow=flow, starts=starts, seed=seed)
        designed.append(entry(name, found.run))
    excess = start_excess(problem) * spaced(1.0, _LOWEST, _STOPS)
    levels = float(problem.min_train_loss) + excess
    time = float(best(train(problem, GradientFlow(), levels)).time)
    return Selection(
        problem=problem,
        flow=entry("flow", train(problem, GradientFlow(time))),
        ridge=entry("ridge", best_ridge(problem, excess)),
        designed=tuple(designed),
        bound=entry("best filter", best_filter(problem)),
    )


def _family(name: str) -> tuple[str, bool]:
    plain = name.removesuffix(_FLOW)
    if plain in family_names():
        return plain, plain != name
    raise ValueError(
        f"there is no family {name!r}{suggest(plain, family_names())}; choose from "
        f"{', '.join(family_names())}, each with or without {_FLOW!r}"
    )
