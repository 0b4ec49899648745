"""Compare schedules on many problems, or on many splits of one data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._arrays.splits import distinct
from isoloss.comparison.judgement import Judgement
from isoloss.comparison.judging import Asked, Schedules, judged_over_splits
from isoloss.comparison.level_losses import SplitLosses, losses_of
from isoloss.problems.problem import Problem

__all__ = ["compare_repeatedly", "cross_compare", "losses_in_split"]

Floats = npt.NDArray[np.float64]


def compare_repeatedly(
    problems: Iterable[Problem],
    schedules: Schedules,
    levels: int | npt.ArrayLike = 12,
    *,
    test_per_train: float,
    unit: str = "absolute",
    against: str | None = None,
    n_jobs: int | None = None,
) -> Judgement:
    """Compare schedules at equal train loss on several problems, such as splits of a data set.

    Parameters
    ----------
    problems : iterable of Problem
        At least two, each with its test data.
    schedules : str or Schedule, or a list, or a mapping of names to these
        As for `compare`. Texts such as ``"cosine(1, ...)"``, and functions of a number of steps,
        are finished for each problem and level (`isoloss.finish`).
    levels : int or array_like, default: 12
        As for `compare`; a count or a unit of shares gives each problem its own train losses.
    test_per_train : float
        The number of test rows divided by the number of train rows, for random splits of one data
        set, whose overlap widens the intervals; 0 for problems made from independent data.
    unit : {"absolute", "start", "excess"}, default: "absolute"
        The unit of the levels.
    against : str, optional
        The name of the schedule to compare with; by default it is gradient flow.
    n_jobs : int, optional
        The number of joblib's processes, as in scikit-learn: by default 1; -1 uses one per core,
        which is also the most that are started.

    Returns
    -------
    Judgement
        Mean differences with 95 % intervals (`resampled_intervals`) that hold together for all
        schedules and levels. A level that some problem does not reach is left out.

    Raises
    ------
    TypeError
        If a problem or schedule is of another type.
    ValueError
        If there are fewer than two problems, one has no test data, ``against`` names no schedule,
        or ``n_jobs`` is 0.

    Examples
    --------
    >>> import isoloss as il
    >>> from isoloss.comparison import compare_repeatedly
    >>> train, start = [2 / 3, 1 / 3], [-10, -10]
    >>> problems = [
    ...     il.Problem.from_spectra(train, [0.5 + shift, 0.5 - shift], start)
    ...     for shift in (-0.02, -0.01, 0.0, 0.01, 0.02)
    ... ]
    >>> found = compare_repeatedly(
    ...     problems, {"annealed": "gd(1, 10) > flow"}, [0.1], test_per_train=0
    ... )
    >>> found.verdicts[0]
    "At equal train loss, annealed helps at the level (mean test loss 49.8% lower than gradient
    flow's, intervals from -53.7% to -45.8%; train loss 0.1000)."
    """
    asked = Asked.read(schedules, levels, unit, against)
    splits = _losses_over((partial(_itself, each) for each in problems), asked, n_jobs)
    return judged_over_splits(splits, asked, test_per_train)


def cross_compare(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    schedules: Schedules,
    levels: int | npt.ArrayLike = 12,
    *,
    unit: str = "absolute",
    against: str | None = None,
    cv: Any = None,
    groups: npt.ArrayLike | None = None,
    transformer: Any = None,
    fit_intercept: bool = True,
    n_jobs: int | None = None,
) -> Judgement:
    """Compare schedules at equal train loss over many splits of a data set.

    Parameters
    ----------
    X, y : array_like, shapes (n, d) and (n,) or (n, m)
        The rows.
    schedules, levels, unit, against
        As for `compare_repeatedly`.
    cv : splitter, int or iterable of pairs of row numbers, optional
        As in scikit-learn; by default ``ShuffleSplit(20, test_size=0.5, random_state=0)``. The
        interval assumes random splits; for ``TimeSeriesSplit`` and folds, it uses the mean ratio of
        test rows to train rows. A split that repeats an earlier one is left out.
    groups : array_like, shape (n,), optional
        For splitters such as ``GroupShuffleSplit``, which keep a group's rows together.
    transformer : transformer, optional
        A transformer such as ``StandardScaler()``; each split fits a copy on its train rows.
    fit_intercept : bool, default: True
        Whether to subtract the train means of columns and targets, which fits the intercept.
    n_jobs : int, optional
        As for `compare_repeatedly`.

    Returns
    -------
    Judgement
        Mean differences with 95 % intervals that hold together for all schedules and levels.

    Raises
    ------
    ValueError
        If there are fewer than two different splits, one tests on rows that it trains on,
        ``n_jobs`` is 0, or the splitter or `compare` raises it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from isoloss.comparison import cross_compare
    >>> X, y = load_diabetes(return_X_y=True)
    >>> annealed = {"annealed": "gd(1.0, 100) > flow"}
    >>> print(cross_compare(X, y, annealed, [0.5, 0.1], unit="excess"))
    Means over 20 splits, with intervals that all hold together with 95% confidence (corrected for
    the rows that splits share; Nadeau and Bengio 2003). Differences up to 1% count as none (same);
    where an interval leaves it open, these data cannot tell (?). Train losses are those of the
    first split.
    <BLANKLINE>
    train loss         annealed
        4555.6  +2.2% ± 22.9% ?
        3091.9  +4.4% ± 20.8% ?
    <BLANKLINE>
    Cannot tell from these data whether annealed helps or hurts at equal train loss (both levels:
    mean test loss +2.2% to +4.4% against gradient flow's, intervals from -20.7% to +25.3%).
    """
    from sklearn.model_selection import ShuffleSplit, check_cv
    from sklearn.utils import indexable
    from sklearn.utils.validation import _num_samples

    asked = Asked.read(schedules, levels, unit, against)
    X, y, groups = indexable(X, y, groups)
    splitter = ShuffleSplit(20, test_size=0.5, random_state=0) if cv is None else check_cv(cv)
    rows = _separate(splitter.split(X, y, groups), _num_samples(X))
    made = partial(_problem, X, y, transformer, fit_intercept)
    splits = _losses_over((partial(made, train, test) for train, test in rows), asked, n_jobs)
    share = float(np.mean([len(test) / len(train) for train, test in rows]))
    return judged_over_splits(splits, asked, share)


def losses_in_split(asked: Asked, made: Callable[[], Problem]) -> SplitLosses:
    """Return the test losses of one split, whose problem is made by a function."""
    return losses_of(made(), list(asked.schedules.values()), asked.levels)


def _losses_over(
    splits: Iterable[Callable[[], Problem]], asked: Asked, n_jobs: int | None
) -> list[SplitLosses]:
    from joblib import Parallel, delayed

    jobs = (delayed(losses_in_split)(asked, made) for made in splits)
    return list(Parallel(n_jobs=_workers(n_jobs))(jobs))


def _workers(n_jobs: int | None) -> int | None:
    """Return the number of processes to start: more than there are cores would only take memory."""
    from joblib import effective_n_jobs

    if n_jobs is None:
        return None
    count = conversion.count("n_jobs", n_jobs)
    if not count:
        raise ValueError(
            "n_jobs must be None, a number of processes, or -1 for one process per core; got "
            f"{n_jobs!r}"
        )
    return min(count, int(effective_n_jobs(-1)))


def _separate(splits: Iterable[Any], count: int) -> list[tuple[Any, Any]]:
    """Return the different splits as row numbers, given as these or as masks."""
    found = [(np.arange(count)[train], np.arange(count)[test]) for train, test in splits]
    for i, (train, test) in enumerate(found):
        shared = np.intersect1d(train, test).size
        if shared:
            raise ValueError(
                f"split {i + 1} of cv tests on {shared} of the rows that it trains on: give each "
                "split test rows of its own"
            )
    different = distinct(found)
    if len(different) < 2 <= len(found):
        raise ValueError(
            f"an interval needs at least 2 different splits; all {len(found)} of cv are the same"
        )
    return different


def _itself(problem: Problem) -> Problem:
    return problem


def _problem(
    X: Any,
    y: Any,
    transformer: Any,
    fit_intercept: bool,
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
) -> Problem:
    """Return the problem of train and test rows, which are prepared from the train rows alone."""
    from sklearn.base import clone
    from sklearn.utils import _safe_indexing

    inputs, outputs = ([_safe_indexing(each, rows) for rows in (train, test)] for each in (X, y))
    if transformer is not None:
        own = clone(transformer)
        inputs = [own.fit_transform(inputs[0], outputs[0]), own.transform(inputs[1])]
    if fit_intercept:
        inputs, outputs = _centred("X", inputs), _centred("y", outputs)
    return Problem.from_data(inputs[0], outputs[0], inputs[1], outputs[1])


def _centred(name: str, parts: Sequence[Any]) -> list[Floats]:
    train, test = (conversion.floats(name, each) for each in parts)
    mean = train.mean(axis=0)
    return [train - mean, test - mean]
