"""Public values travel: pickled, copied, and to another process, whatever their arrays are."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import isoloss as il
from isoloss._arrays.conversion import to_numpy
from isoloss.comparison import compare, cross_compare, select
from isoloss.estimators import ScheduledClassifier, ScheduledRegressor, ScheduleSearchCV
from isoloss.levels import ridge

RNG = np.random.default_rng(5)
X, X_TEST = RNG.normal(size=(20, 3)), RNG.normal(size=(9, 3))
Y, Y_TEST = X.sum(axis=1) + RNG.normal(size=20), X_TEST.sum(axis=1)
SINGLE = strict.Device("no_float64")


def kinds() -> dict[str, Callable[[Any], Any]]:
    found: dict[str, Callable[[Any], Any]] = {
        "numpy": np.asarray,
        "array-api-strict": strict.asarray,
        "without float64": lambda a: strict.asarray(a, dtype=strict.float32, device=SINGLE),
    }
    try:
        import torch
    except ImportError:
        return found
    return found | {"torch": torch.asarray}


KINDS = kinds()


def through_bytes(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def values(convert: Callable[[Any], Any]) -> dict[str, Any]:
    data = [convert(a) for a in (X, Y, X_TEST, Y_TEST)]
    problem = il.Problem.from_data(*data, fit_intercept=True)
    level = 0.5 * float(problem.start_train_loss)
    run = il.train(problem, il.anneal(0.1, 5), level)
    kernel = [convert(a) for a in (X @ X.T + np.eye(20), Y, X_TEST @ X.T, Y_TEST)]
    return {
        "data": problem,
        "spectra": il.Problem.from_spectra(*(convert(np.ones((2, 3))) for _ in range(3))),
        "kernel": il.Problem.from_kernel(*kernel),
        "run": run,
        "path": run.path(),
        "band": il.level_band(problem, level),
        "reachable": il.reachable_band(problem, [level]),
        "best": il.best_filter(problem),
    }


def plain_values() -> dict[str, Any]:
    problem = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    return {
        "comparison": compare(problem, [il.anneal(0.1, 5)], 3),
        "curve": il.curves.LossCurve([1, 2, 3], [3, 2, np.nan], 0.1, test_loss=[3, 3, 2]),
        "judgement": cross_compare(X, Y, il.anneal(0.1, 5), 3, cv=3),
        "design": il.design(problem, steps=2),
        "selection": select(problem, problem.with_test(X_TEST, Y_TEST), ["rates"], steps=2),
        "ridge": ridge(problem, np.array([0.1])),
        "regressor": ScheduledRegressor(kernel="rbf").fit(X, Y),
        "classifier": ScheduledClassifier().fit(X, Y > 0),
        "search": ScheduleSearchCV(ScheduledRegressor(), ["flow"], 3, cv=2).fit(X, Y),
        "reduced": il.from_operator(X, Y, X_TEST, Y_TEST, rtol=1e-3),
        "schedule": il.anneal(0.1, 3) + il.HeavyBall(0.1, 0.9, 3) + il.Nesterov([0.1, 0.2], 0.9),
    }


def check(found: Any, wanted: Any, name: str) -> None:
    """Compare what two values print, and what they know with its kind.

    To rounding: products of copies differ by it, where the original is a view of something.
    """
    assert type(found) is type(wanted), name
    if hasattr(wanted, "predict"):
        np.testing.assert_allclose(found.predict(X), wanted.predict(X), rtol=1e-12)
        return
    assert repr(found) == repr(wanted), name
    if isinstance(wanted, il.Problem):
        found, wanted = (il.train(each, il.anneal(0.1, 5)) for each in (found, wanted))
    if isinstance(wanted, il.Run):
        for part, same in zip(parts(found), parts(wanted), strict=True):
            assert (type(part), part.dtype) == (type(same), same.dtype), name
            np.testing.assert_allclose(to_numpy(part), to_numpy(same), rtol=1e-12)


def parts(run: il.Run) -> list[Any]:
    asked = [run.train_loss, run.test_loss, run.steps, run.residual()]
    return (
        asked if run.problem._reduced.coordinates is None else [*asked, run.coef(), run.intercept()]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_bytes])
def test_every_kind_of_array_is_copied(kind: str, copied: Callable[[Any], Any]) -> None:
    for name, value in values(KINDS[kind]).items():
        check(copied(value), value, name)


def test_results_are_copied() -> None:
    for name, value in plain_values().items():
        for again in (copy.deepcopy(value), through_bytes(value)):
            check(again, value, name)


def test_another_process_goes_on(tmp_path: Path) -> None:
    sent = {f"{kind} {k}": v for kind in KINDS for k, v in values(KINDS[kind]).items()}
    sent |= plain_values()
    (tmp_path / "sent").write_bytes(pickle.dumps(sent))
    script = (
        "import pickle, sys, pathlib\n"
        "sent = pickle.loads(pathlib.Path('sent').read_bytes())\n"
        "assert 'isoloss.dynamics.training' in sys.modules\n"
        "import isoloss as il\n"
        "runs = {n: il.train(v, il.anneal(0.1, 5)) for n, v in sent.items()"
        " if isinstance(v, il.Problem)}\n"
        "pathlib.Path('back').write_bytes(pickle.dumps(runs))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    back = pickle.loads((tmp_path / "back").read_bytes())
    assert len(back) == 3 * len(KINDS) + 1
    for name, run in back.items():
        check(run, il.train(sent[name], il.anneal(0.1, 5)), name)
