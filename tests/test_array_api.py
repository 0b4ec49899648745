"""NumPy, PyTorch and array-api-strict in: the same numbers and the same kind of array out."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import isoloss as il

RNG = np.random.default_rng(12)
X, Y = RNG.standard_normal((30, 5)), RNG.standard_normal((30, 2))
X_TEST, Y_TEST = RNG.standard_normal((20, 5)), RNG.standard_normal((20, 2))
GAMMA, LAMBDA = RNG.uniform(0.1, 1, (3, 5)), RNG.uniform(0.1, 1, (3, 5))
COV = RNG.standard_normal((2, 5, 5))
COV = COV @ np.swapaxes(COV, 1, 2)
WIDE = RNG.standard_normal((4, 7)), RNG.standard_normal(4), RNG.standard_normal((9, 7))
MANY = np.geomspace(1e-3, 1.0, 300)

PROBLEMS: dict[str, Callable[[Any], il.Problem]] = {
    "spectra": lambda a: il.Problem.from_spectra(a(GAMMA), a(LAMBDA), a(np.ones(5)), noise=0.1),
    "many": lambda a: il.Problem.from_spectra(a(MANY), a(MANY[::-1].copy()), a(np.ones(300))),
    "covariances": lambda a: il.Problem.from_covariances(
        a(COV[0]), a(COV), a(np.zeros(5)), a(np.ones(5)), train_target=a(0.9 * np.ones(5))
    ),
    "data": lambda a: il.Problem.from_data(*map(a, (X, Y, X_TEST, Y_TEST)), fit_intercept=True),
    "wide data": lambda a: il.Problem.from_data(*map(a, (*WIDE, np.ones(9)))),
    "kernel": lambda a: il.Problem.from_kernel(*map(a, (X @ X.T, Y, X_TEST @ X.T, Y_TEST))),
    "flat": lambda a: il.Problem.from_data(a(0 * X), a(Y), a(X_TEST), a(Y_TEST)),
}
SCHEDULES = [
    il.anneal(0.02, 10),
    il.Schedule(il.GradientDescent(np.linspace(0.03, 0.0, 90)), il.GradientFlow(2.0)),
    il.Schedule(il.GradientDescent(3.0, 40), il.GradientFlow()),
    il.GradientDescent(np.linspace(0.0, 1.3, 70)) + il.GradientDescent(np.full(9, 1e-3)),
    il.HeavyBall(0.02, 0.8, 50) + il.Nesterov(np.linspace(0.03, 0.0, 50), 0.7),
]


def numbers(problem: il.Problem, name: str) -> dict[str, Any]:
    exact = PROBLEMS[name](np.asarray)
    low, start = (float(np.max(x)) for x in (exact.min_train_loss, exact.start_train_loss))
    levels = [low + 0.2 * (start - low) + 1e-3, low + 0.05 * (start - low) + 1e-3]
    found = {"curvature": problem.curvature, "max_lr": problem.max_lr}
    for i, schedule in enumerate(SCHEDULES):
        run = il.train(problem, schedule, train_loss=levels)
        for part in ("reached", "steps", "time", "train_loss", "test_loss"):
            found[f"{part} {i}"] = getattr(run, part)
        if problem._reduced.coordinates is not None:
            found[f"coef {i}"], found[f"intercept {i}"] = run.coef(), run.intercept()
    if name != "flat":
        band = il.level_band(problem, levels)
        found |= {"lowest": band.lowest, "highest": band.highest}
        reach, best = il.reachable_band(problem, levels), il.best_filter(problem)
        found |= {"reachable": reach.lowest, "reachable high": reach.highest}
        found |= {"best": best.test_loss, "best at": best.train_loss}
    if not problem.max_lr.ndim:
        path = il.train(problem, SCHEDULES[0], train_loss=levels[0]).path(points=7)
        found |= {"path": path.train_loss, "path steps": path.steps}
    repr(problem)
    return found


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("kind_of_array", ["array_api_strict", "torch"])
def test_every_kind_gives_the_same_numbers_back(name: str, kind_of_array: str) -> None:
    convert = pytest.importorskip(kind_of_array, reason="PyTorch is the extra torch").asarray
    wanted = numbers(PROBLEMS[name](np.asarray), name)
    got = numbers(PROBLEMS[name](lambda a: convert(a.copy())), name)
    kind = type(convert(np.ones(1)))
    assert got.keys() == wanted.keys()
    for key, value in got.items():
        assert isinstance(value, kind), key
        assert isinstance(wanted[key], np.ndarray if wanted[key].ndim else np.generic), key
        np.testing.assert_allclose(
            np.asarray(value), wanted[key], rtol=1e-10, atol=1e-11, err_msg=key
        )


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.filterwarnings("ignore:K is rounded")  # to float32, as the test means it
def test_single_precision_in_single_precision_out(name: str, kind: str) -> None:
    xp = pytest.importorskip(kind, reason="PyTorch is the extra torch")
    wanted = numbers(PROBLEMS[name](np.asarray), name)
    got = numbers(PROBLEMS[name](lambda a: xp.asarray(a.copy(), dtype=xp.float32)), name)
    for key, value in got.items():
        if "steps" in key or "reached" in key:
            continue
        assert value.dtype == xp.float32, key
        if key.startswith(("train_loss", "test_loss", "max_lr", "lowest")):
            np.testing.assert_allclose(np.asarray(value), wanted[key], rtol=1e-4, err_msg=key)


def test_levels_may_be_numpys_but_not_of_a_third_kind() -> None:
    import array_api_strict as strict

    problem = il.Problem.from_spectra(strict.asarray([1.0, 0.5]), [1, 1], [1, 1])
    run = il.train(problem, il.GradientFlow(), train_loss=np.array([0.5, 0.1]))
    assert isinstance(run.test_loss, type(strict.asarray([1.0])))
    plain = il.Problem.from_spectra([1.0, 0.5], [1, 1], [1, 1])
    with pytest.raises(TypeError, match="train_loss must be an array of the same kind"):
        il.train(plain, il.GradientFlow(), train_loss=strict.asarray(0.5))


def without_float64(array: Any) -> Any:
    """An array on a device that has no float64, as JAX and some GPUs have none."""
    import array_api_strict as strict

    dtype = None if array.dtype.kind in "bi" else strict.float32
    return strict.asarray(array, dtype=dtype, device=strict.Device("no_float64"))


def by_jax(array: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(array)


WITHOUT_FLOAT64 = {"strict": without_float64}
if find_spec("jax"):  # it is larger than all that the tests require
    WITHOUT_FLOAT64["jax"] = by_jax


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("kind", WITHOUT_FLOAT64)
@pytest.mark.filterwarnings("ignore:K is rounded")  # to float32, as the test means it
def test_where_there_is_no_float64_numpy_computes(name: str, kind: str) -> None:
    convert = WITHOUT_FLOAT64[kind]
    # the same float32 numbers: the results are NumPy's, rounded once
    wanted = numbers(PROBLEMS[name](lambda a: np.asarray(a, dtype=np.float32)), name)
    got, one = numbers(PROBLEMS[name](convert), name), convert(np.ones(1, dtype=np.float32))
    assert got.keys() == wanted.keys()
    for key, value in got.items():
        assert type(value) is type(one), key
        assert value.device == one.device, key
        np.testing.assert_array_equal(np.from_dlpack(value), wanted[key], err_msg=key)


def test_whole_numbers_stay_whole_where_there_is_no_float64() -> None:
    one = without_float64(np.array([1]))
    problem = il.Problem.from_spectra(one, one, one)
    run = il.train(problem, il.GradientDescent(0.1, 2**40))
    assert int(run.steps) == 2**40
    assert str(run.train_loss.dtype).endswith("float32")
    assert f"steps={2**40}" in repr(run)
    assert "1 of 2 reached" in repr(il.train(problem, il.GradientDescent(0.1, 9), [0.5, 1e-9]))


def test_steps_that_int32_cannot_hold_are_refused() -> None:
    import array_api_strict as strict

    one = strict.asarray([1.0], dtype=strict.float32, device=strict.Device("no_x64"))
    problem = il.Problem.from_spectra(one, one, one)
    assert int(il.train(problem, il.GradientDescent(0.1, 2**31 - 1)).steps) == 2**31 - 1
    with pytest.raises(ValueError, match=r"2147483648 steps does not fit into the int32 of "):
        il.train(problem, il.GradientDescent(0.1, 2**31))


@pytest.mark.parametrize("level", [None, 0.5])
def test_results_of_tensors_with_gradients_have_none(level: float | None) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the extra torch")
    data = [torch.asarray(a).requires_grad_() for a in (X, Y, X_TEST, Y_TEST)]
    problem = il.Problem.from_data(*data)
    plain = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    if level is not None:
        level = level * float(plain.start_train_loss)
    train_loss = None if level is None else torch.tensor(level).requires_grad_()
    for schedule in SCHEDULES:
        run, same = il.train(problem, schedule, train_loss), il.train(plain, schedule, level)
        for name in ("train_loss", "test_loss", "time", "steps"):
            found = getattr(run, name)
            assert found.grad_fn is None, name
            assert not found.requires_grad, name
            np.testing.assert_allclose(found.numpy(), getattr(same, name), rtol=1e-9, err_msg=name)
        assert not run.coef().requires_grad
    assert all(each.requires_grad and each.grad is None for each in data)
    assert not problem.with_test(*data[2:]).start_test_loss.requires_grad
    assert not il.best_filter(problem).coef().requires_grad


def test_sparse_tensors_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the extra torch")
    data = [torch.asarray(a) for a in (X, Y, X_TEST, Y_TEST)]
    for i, name in enumerate(("X", "y", "X_test", "y_test")):
        given = [each.to_sparse() if i == j else each for j, each in enumerate(data)]
        with pytest.raises(TypeError, match=f"{name} is a sparse tensor .*; give {name}.to_dense"):
            il.Problem.from_data(*given)
    with pytest.raises(TypeError, match=r"X_test is a sparse tensor \(torch.sparse_coo\)"):
        il.Problem.from_data(*data).with_test(data[2].to_sparse(), data[3])


@pytest.mark.parametrize("name", ["spectra", "many"])
def test_no_array_is_changed_in_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # as JAX's cannot be: assignment fails, and a += b binds another array to a
    import array_api_strict as strict

    kind = type(strict.asarray(0.0))
    changing = [n for n in vars(kind) if n.startswith("__i") and n.endswith("__")]
    changing = [n for n in changing if n.replace("__i", "__", 1) in vars(kind)]
    assert {"__iadd__", "__imul__", "__isub__"} <= set(changing)
    wanted = numbers(PROBLEMS[name](np.asarray), name)
    for method in ("__setitem__", *changing):
        monkeypatch.delattr(kind, method)
    near = il.GradientDescent([0.5 / MANY[-1] * (1 + 1e-12), 0.3])
    for schedule in (near, il.HeavyBall(np.linspace(0.0, 0.3, 90), 0.9)):
        got, same = (
            il.train(PROBLEMS[name](a), schedule).train_loss for a in (strict.asarray, np.asarray)
        )
        np.testing.assert_allclose(np.asarray(got), same, rtol=1e-12)
    got = numbers(PROBLEMS[name](lambda a: strict.asarray(a.copy())), name)
    for key, value in got.items():
        np.testing.assert_allclose(np.asarray(value), wanted[key], rtol=1e-10, atol=1e-11)
