"""Models in files."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import isoloss as il
from isoloss._files import OutputError
from isoloss.estimators import (
    ScheduledClassifier,
    ScheduledRegressor,
    ScheduleSearchCV,
    load_model,
    save_model,
)
from isoloss.schedules import Spec

RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(30, 3)), RNG.normal(size=30)
PHASES = il.Schedule(il.HeavyBall([0.1, 0.2], 0.5), il.Nesterov(0.1, 0.3, 4), il.GradientFlow(0.25))


@pytest.mark.parametrize(
    "model",
    [
        ScheduledRegressor("gd(1.0, 10) > flow", 0.9, train_loss_unit="start"),
        ScheduledRegressor(PHASES),
        ScheduledRegressor(il.GradientDescent([0.1, 0.3])),
        ScheduledRegressor(il.GradientFlow()),
        ScheduledRegressor(Spec(il.Schedule(il.GradientDescent([0.1, 0.3])))),
        ScheduledRegressor(kernel="rbf", gamma=0.5),
        ScheduledRegressor("gd(0.4, 30)", 0.95, train_loss_unit="start", last_step="whole"),
        make_pipeline(StandardScaler(), ScheduledRegressor()),
    ],
)
def test_a_model_comes_back_as_it_was(model: Any, tmp_path: Path) -> None:
    model.fit(X, Y)
    save_model(model, tmp_path / "m.skops")
    again = load_model(str(tmp_path / "m.skops"))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    last, first = (m[-1] if hasattr(m, "steps") else m for m in (again, model))
    assert last.get_params() == first.get_params()
    assert last.schedule_ == first.schedule_
    assert [path.name for path in tmp_path.iterdir()] == ["m.skops"]


def test_a_model_that_does_not_say_what_becomes_of_the_last_step_has_a_whole_one(
    tmp_path: Path,
) -> None:
    model = ScheduledRegressor("gd(0.1, 30)", 0.95, train_loss_unit="start").fit(X, Y)
    del model.last_step  # as in files of before the option
    save_model(model, tmp_path / "old.skops")
    for again in (load_model(tmp_path / "old.skops"), pickle.loads(pickle.dumps(model))):
        assert again.get_params()["last_step"] == "whole"
        assert again.fit(X, Y).train_loss_ < 0.95 * again.start_train_loss_
    save_model(ScheduledRegressor().fit(X, Y), tmp_path / "new.skops")
    assert load_model(tmp_path / "new.skops").last_step == "exact"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    model = ScheduledClassifier().fit(X, Y > 0)
    path = tmp_path / "m.skops"
    path.write_text("mine")
    with pytest.raises(OutputError, match=r"m\.skops exists"):
        save_model(model, path)
    assert path.read_text() == "mine"
    save_model(model, path, force=True)
    assert load_model(path).classes_.tolist() == [False, True]


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 3).fit(X, Y)
    with pytest.raises(ValueError, match=r"save_model\(search.best_estimator_"):
        save_model(search, path)
    with pytest.raises(NotFittedError):
        save_model(ScheduledRegressor(), path)
    own = ScheduledRegressor(kernel=dot).fit(X, Y)
    with pytest.raises(ValueError, match=r"could not be read back as trusted: .*dot"):
        save_model(own, path)
    assert not list(tmp_path.iterdir())


def dot(first: Any, second: Any) -> float:
    return float(first @ second)


def test_other_types_in_a_file_are_refused(tmp_path: Path) -> None:
    path, trap = tmp_path / "m.skops", tmp_path / "trap.skops"
    save_model(ScheduledRegressor().fit(X, Y), path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(trap, "w") as changed:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "schema.json":
                text = content.decode().replace("ScheduledRegressor", "system")
                content = text.replace("isoloss.estimators", "os").encode()
            changed.writestr(name, content)
    with pytest.raises(ValueError, match=r"holds types that isoloss does not trust: os\.system"):
        load_model(trap)


def test_a_file_of_an_older_version_is_refused_by_a_sentence(tmp_path: Path) -> None:
    path, old = tmp_path / "m.skops", tmp_path / "old.skops"
    save_model(ScheduledRegressor().fit(X, Y), path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(old, "w") as changed:
        for name in whole.namelist():
            text = whole.read(name).replace(
                b'"isoloss.estimators"', b'"isoloss.estimators.regressor"'
            )
            changed.writestr(name, text)
    with pytest.raises(ValueError, match=r"saved by another version of isoloss.*fit the model"):
        load_model(old)
