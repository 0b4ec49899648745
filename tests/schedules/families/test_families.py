"""The named families of rates, against PyTorch's own schedulers and formulas by hand."""

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss import families as fam

FAMILIES = {
    "constant": lambda steps: fam.constant(0.5, steps),
    "step_decay": lambda steps: fam.step_decay(0.5, steps, every=3),
    "exponential": lambda steps: fam.exponential(0.5, steps, factor=0.9),
    "inverse_time": lambda steps: fam.inverse_time(0.5, steps, rate=0.1),
    "polynomial": lambda steps: fam.polynomial(0.5, steps, power=0.9),
    "warmup": lambda steps: fam.warmup(0.5, steps, start=0.01),
    "cosine": lambda steps: fam.cosine(0.5, steps),
    "decay": lambda steps: fam.decay(0.5, steps, "1-sqrt"),
    "warmup_stable_decay": lambda steps: fam.warmup_stable_decay(
        0.5, steps, warmup=steps // 3, decay=steps // 3
    ),
    "one_cycle": lambda steps: fam.one_cycle(0.5, steps),
    "cyclic": lambda steps: fam.cyclic(0.1, 0.5, steps, half_cycle=7),
}


def assert_rates(schedule: il.Schedule, expected: Any, rtol: float = 1e-12) -> None:
    (phase,) = schedule.phases
    assert isinstance(phase, il.GradientDescent)
    np.testing.assert_allclose(schedule.learning_rates(), expected, rtol=rtol, atol=0)


def torch_rates(name: str, steps: int, lr: float = 1.0, **options: Any) -> list[float]:
    """Read the rates off an optimizer that is really stepped."""
    torch = pytest.importorskip("torch", reason="the extra torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps - 1):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def test_every_family_is_tested_here() -> None:
    assert {*FAMILIES, "annealed"} == {*fam.__all__}
    assert fam.annealed is il.anneal


@pytest.mark.parametrize(
    ("schedule", "name", "options"),
    [
        (fam.constant(0.3, 20), "LambdaLR", {"lr_lambda": lambda step: 1.0}),
        (fam.step_decay(0.3, 100, every=7), "StepLR", {"step_size": 7}),
        (fam.step_decay(0.3, 9, every=20, factor=0.5), "StepLR", {"step_size": 20, "gamma": 0.5}),
        (fam.exponential(0.3, 200, 0.95), "ExponentialLR", {"gamma": 0.95}),
        (fam.exponential(0.3, 100, 1.1), "ExponentialLR", {"gamma": 1.1}),
        (fam.polynomial(0.3, 100), "PolynomialLR", {"total_iters": 100}),
        (fam.polynomial(0.3, 60, 0.9), "PolynomialLR", {"total_iters": 60, "power": 0.9}),
        (fam.polynomial(0.3, 60, 2.5), "PolynomialLR", {"total_iters": 60, "power": 2.5}),
        (fam.warmup(0.3, 50, 0.03), "LinearLR", {"start_factor": 0.1, "total_iters": 50}),
        (fam.warmup(0.3, 5, 3e-7), "LinearLR", {"start_factor": 1e-6, "total_iters": 5}),
        (fam.cosine(0.3, 80), "CosineAnnealingLR", {"T_max": 80}),
        (fam.cosine(0.3, 80, 0.01), "CosineAnnealingLR", {"T_max": 80, "eta_min": 0.01}),
        (fam.cosine(0.3, 80, 0.01, 4), "CosineAnnealingWarmRestarts", {"T_0": 20, "eta_min": 0.01}),
        (fam.cosine(0.3, 70, 0, 3, 2), "CosineAnnealingWarmRestarts", {"T_0": 10, "T_mult": 2}),
        (fam.cosine(0.3, 80, 0, 4, 3), "CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 3}),
        (fam.decay(0.3, 80), "PolynomialLR", {"total_iters": 80}),
        (fam.decay(0.3, 80, "cosine", 0.1), "CosineAnnealingLR", {"T_max": 80, "eta_min": 0.1}),
    ],
)
def test_rates_are_those_of_pytorch(
    schedule: il.Schedule, name: str, options: dict[str, Any]
) -> None:
    assert_rates(schedule, torch_rates(name, schedule.steps, lr=0.3, **options))


@pytest.mark.parametrize("half", [1, 3, 10])
def test_cyclic_is_pytorchs(half: int) -> None:
    options = {"base_lr": 0.1, "max_lr": 0.3, "step_size_up": half, "cycle_momentum": False}
    assert_rates(fam.cyclic(0.1, 0.3, 55, half), torch_rates("CyclicLR", 55, **options))


# 0.29 * 100 and 0.07 * 100 round to either side of a whole number
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100, 101])
@pytest.mark.parametrize("warmup", [0.0, 0.07, 0.29, 0.3, 0.9, 1.0])
def test_one_cycle_is_pytorchs(steps: int, warmup: float) -> None:
    if warmup * steps == 1:
        pytest.skip("PyTorch divides by zero")
    options = {"max_lr": 0.3, "total_steps": steps, "pct_start": warmup, "cycle_momentum": False}
    assert_rates(fam.one_cycle(0.3, steps, warmup), torch_rates("OneCycleLR", steps, **options))
    factors = options | {"div_factor": 4.0, "final_div_factor": 50.0}
    other = fam.one_cycle(0.3, steps, warmup, start_factor=1 / 4, final_factor=1 / 200)
    assert_rates(other, torch_rates("OneCycleLR", steps, **factors))


def test_inverse_time() -> None:
    assert_rates(fam.inverse_time(2.0, 5, 0.5), [2, 2 / 1.5, 1, 0.8, 2 / 3])
    assert_rates(fam.inverse_time(2.0, 3, 0), [2, 2, 2])


def test_one_minus_sqrt() -> None:
    expected = [1 - math.sqrt(t / 16) for t in range(16)]
    assert_rates(fam.decay(1.0, 16, "1-sqrt"), expected)
    assert_rates(fam.decay(1.0, 16, "1-sqrt", 0.2), [0.2 + 0.8 * rate for rate in expected])


@pytest.mark.parametrize("final", [0.05, 2.0])
def test_polynomial_with_a_final_rate(final: float) -> None:
    expected = [(0.3 - final) * (1 - t / 30) ** 1.7 + final for t in range(30)]
    assert_rates(fam.polynomial(0.3, 30, 1.7, final), expected)


def test_warmup_ends_one_step_after_its_last() -> None:
    assert_rates(fam.warmup(1.0, 4), [0, 0.25, 0.5, 0.75])
    assert_rates(fam.warmup(1.0, 4, start=1.0), [1, 1, 1, 1])
    assert fam.warmup(1.0, 4, start=1e-30).learning_rates()[0] == 1e-30


def test_cycles_start_again() -> None:
    one = fam.cosine(0.3, 10, 0.1)
    three = fam.cosine(0.3, 30, 0.1, cycles=3)
    assert_rates(three, (one + one + one).learning_rates(), rtol=0)
    grown = fam.cosine(0.3, 40, 0.1, cycles=2, growth=3)
    assert_rates(grown, (one + fam.cosine(0.3, 30, 0.1)).learning_rates(), rtol=0)
    assert fam.decay(0.3, 10, "cosine", 0.1) == one


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt"])
@pytest.mark.parametrize(("up", "down"), [(10, 20), (0, 20), (10, 0), (30, 70), (0, 0)])
def test_warmup_stable_decay_is_made_of_its_parts(shape: Any, up: int, down: int) -> None:
    parts = il.Schedule(
        fam.warmup(0.3, up), fam.constant(0.3, 100 - up - down), fam.decay(0.3, down, shape, 0.01)
    )
    whole = fam.warmup_stable_decay(0.3, 100, up, down, shape, 0.01)
    assert_rates(whole, parts.learning_rates(), rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_number_of_steps(family: str) -> None:
    build: Callable[[int], il.Schedule] = FAMILIES[family]
    for steps in (0, 1, 2, 10**6):
        schedule = build(steps)
        (phase,) = schedule.phases
        rates = schedule.learning_rates()
        assert phase.steps == rates.size == steps
        assert np.isfinite(rates).all()
        assert ((rates >= 0) & (rates <= 0.5)).all()
    assert build(np.int8(12)) == build(12)  # type: ignore[arg-type]  # NumPy integers are no int to mypy


@pytest.mark.parametrize(
    ("schedule", "first"),
    [
        (fam.step_decay(0.3, 1, every=5), 0.3),
        (fam.polynomial(0.3, 1), 0.3),
        (fam.warmup(0.3, 1), 0.0),
        (fam.cosine(0.3, 1), 0.3),
        (fam.decay(0.3, 1, "1-sqrt"), 0.3),
        (fam.one_cycle(0.3, 1), 0.3 / 25e4),
        (fam.cyclic(0.1, 0.3, 1, half_cycle=5), 0.1),
    ],
)
def test_one_step(schedule: il.Schedule, first: float) -> None:
    assert_rates(schedule, [first])


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt"])
def test_the_last_of_many_steps_keeps_its_digits(shape: Any) -> None:
    left = 1e-6  # the leading terms of the shapes at 1 - t/K
    expected = {
        "linear": left,
        "cosine": (math.pi / 2 * left) ** 2,
        "1-sqrt": left / 2 * (1 + left / 4),
    }
    last = fam.decay(1.0, 10**6, shape).learning_rates()[-1]
    assert last == pytest.approx(expected[shape], rel=1e-11, abs=0)


def test_rates_may_underflow() -> None:
    assert fam.inverse_time(1.0, 3, rate=1e308).learning_rates()[-1] == 0
    assert fam.exponential(1.0, 2000, factor=0.1).learning_rates()[-1] == 0
    assert fam.polynomial(1.0, 2000, power=1e6).learning_rates()[-1] == 0


def test_pytorch_is_not_loaded() -> None:
    code = "import sys; from isoloss import families; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: fam.constant(-0.1, 3), ValueError, "lr must be.*at least 0; got -0.1"),
        (lambda: fam.constant([0.1, 0.2], 2), TypeError, "lr must be one number; got list"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.constant(0.1, 2.5), TypeError, "integer.*2.5"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.warmup(0.1, True), TypeError, "steps must be an integer.*True"),
        (lambda: fam.warmup(0.1, 2.5), TypeError, "steps must be an integer.*2.5"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.warmup(0.1, -1), ValueError, "steps must be at least 0; got -1"),
        (lambda: fam.warmup(0.1, 5, 0.2), ValueError, "start=0.2 above lr=0.1: swap"),
        (lambda: fam.decay(-0.1, 0), ValueError, "lr must be.*-0.1"),
        (lambda: fam.decay(0.1, 5, final=-0.01), ValueError, "final must be.*-0.01"),
        (lambda: fam.decay(0.1, 5, final=0.2), ValueError, "final must be at most lr"),
        (lambda: fam.decay(0.1, 5, "sqrt"), ValueError, "'linear', 'cosine', '1-sqrt'; got 'sqrt'"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.decay(math.inf, 5), ValueError, "lr must be finite"),
        (lambda: fam.step_decay(0.1, 5, every=0), ValueError, "every must be at least 1; got 0"),
        (lambda: fam.step_decay(0.1, 5, 2, factor=0), ValueError, "factor.*above 0; got 0"),
        (lambda: fam.exponential(0.1, 5, math.nan), ValueError, "factor.*finite.*nan"),
        (lambda: fam.exponential(0.1, 2000, 2), ValueError, "overflow.*factor=2.*1999 times"),
        (lambda: fam.inverse_time(0.1, 5, -1), ValueError, "rate must be.*at least 0; got -1"),
        (lambda: fam.polynomial(0.1, 5, power=0), ValueError, "power must be.*above 0; got 0"),
        (lambda: fam.cosine(0.1, 5, cycles=0), ValueError, "cycles must be at least 1; got 0"),
        (lambda: fam.cosine(0.1, 5, growth=1.5), TypeError, "growth must be an integer.*1.5"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.cosine(0.1, 10, cycles=3), ValueError, "multiple of 3.*10: give 9 or 12"),
        (lambda: fam.cosine(0.1, 5, cycles=3, growth=2), ValueError, "multiple of 7.*5: give 7$"),
        (lambda: fam.cosine(0.1, 5, cycles=10**6, growth=2), ValueError, r"more than 2\*\*53"),
        (lambda: fam.warmup_stable_decay(0.1, 9, 4, 6), ValueError, r"4 \+ 6 of 9.*steps=10"),
        (lambda: fam.warmup_stable_decay(0.1, 9, 0.1, 6), TypeError, "warmup must be an.*0.1"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: fam.one_cycle(0.1, 100, 30), ValueError, "share.*got 30.*30 / 100"),
        (lambda: fam.one_cycle(0.1, 10, 0.1), ValueError, "step 0.*divides by zero; give 0"),
        (lambda: fam.one_cycle(0.1, 10, start_factor=-1), ValueError, "start_factor.*-1"),
        (lambda: fam.cyclic(0.3, 0.1, 5, 2), ValueError, "low=0.3 above high=0.1: swap them"),
        (lambda: fam.cyclic(0.1, 0.3, 5, 0), ValueError, "half_cycle must be at least 1; got 0"),
    ],
)
def test_what_cannot_be_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_pytorch_refuses_the_same_one_cycle() -> None:
    with pytest.raises(ZeroDivisionError):
        torch_rates("OneCycleLR", 10, max_lr=1, total_steps=10, pct_start=0.1, cycle_momentum=False)
