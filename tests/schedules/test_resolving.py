"""Whatever a user gives as a schedule: the same schedule, whichever form it has."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.schedules import Spec, SpecError, resolve
from isoloss.schedules.resolving import rate_unit, read, read_all

PROBLEM = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
ANNEALED = il.anneal(1.5, 10)


def _read_all(given: Any) -> dict[str, Spec | il.Schedule]:
    return read_all(given, read)


@pytest.mark.parametrize(
    "given", ["gd(1, 10) > flow", Spec.parse("gd(1, 10) > flow"), ANNEALED], ids=type
)
def test_every_form_trains_alike(given: Any) -> None:
    assert resolve(given, PROBLEM) == ANNEALED
    runs = [il.train(PROBLEM, each, [1.0, 1e-4]) for each in (given, ANNEALED)]
    np.testing.assert_array_equal(runs[0].test_loss, runs[1].test_loss)


def test_a_phase_becomes_a_schedule() -> None:
    assert resolve(il.GradientFlow(), PROBLEM) == il.Schedule(il.GradientFlow())


def test_without_curvature_the_unit_is_one() -> None:
    flat = il.Problem.from_spectra([0.0], [1.0], [1.0])
    assert math.isinf(flat.max_lr)
    assert resolve("gd(0.5, 3)", flat) == il.Schedule(il.GradientDescent(0.5, 3))


def test_objects_need_no_largest_stable_rate() -> None:
    assert resolve(ANNEALED, SimpleNamespace(max_lr=None)) is ANNEALED


def test_a_text_is_for_a_batch_whose_problems_share_their_largest_stable_rate() -> None:
    alike = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [[-10, -10], [1, 2]])
    assert resolve("gd(1, 10) > flow", alike) == ANNEALED
    differing = il.Problem.from_spectra([[2 / 3, 1 / 3], [1, 1 / 3]], [0.5, 0.5], [-10, -10])
    with pytest.raises(ValueError, match=r"from 1 to 1.5\); train its problems one by one, or"):
        il.train(differing, "gd(1, 10) > flow")
    il.train(differing, ANNEALED)


def test_the_unit_is_read_from_any_array() -> None:
    torch = pytest.importorskip("torch", reason="the extra torch")
    assert rate_unit(torch.tensor([1.5, 1.5])) == 1.5
    assert rate_unit(np.float32(0.5)) == 0.5


@pytest.mark.parametrize("wrong", [3, None, [il.GradientFlow()], b"flow"])
def test_what_is_no_schedule_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"a schedule is a text such as .*; got (int|None|list|by)"):
        read(wrong)


def test_schedules_without_names_are_called_by_their_printed_forms() -> None:
    flow = il.GradientFlow()
    found = _read_all(["gd(1,10)>flow", flow, "gd(1.0, 10) > flow", il.Schedule(flow)])
    assert list(found) == ["gd(1.0, 10) > flow", "GradientFlow()"]
    assert found["GradientFlow()"] == il.Schedule(flow)
    assert list(_read_all("flow")) == ["flow"]
    long = [il.GradientDescent(np.append(np.linspace(1, 2, 20) + bend, 1)) for bend in (0, 0)]
    long.append(il.GradientDescent(long[0].lr + np.eye(21)[5] * 1e-3))
    assert [name[-4:] for name in _read_all(long)] == [" (1)", " (2)"]


def test_names_are_kept() -> None:
    found = _read_all({"a": "flow", "b": "flow", 3: il.GradientFlow()})
    assert list(found) == ["a", "b", "3"]
    with pytest.raises(ValueError, match=r"two schedules have the same name; got '3', 3"):
        _read_all({"3": "flow", 3: "flow"})


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], ValueError, "give at least one schedule"),
        ({}, ValueError, "give at least one schedule"),
        (3, TypeError, "schedules must be a list or dict; got int"),
        ([3], TypeError, "a schedule is a text such as"),
        ({"a": "fow"}, SpecError, "did you mean 'flow'"),
    ],
)
def test_lists_of_something_else_are_refused(
    given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _read_all(given)
