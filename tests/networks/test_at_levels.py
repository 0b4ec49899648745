"""Measurements of a training loop of one's own: where they are, and what match makes of them."""

import itertools
import math

import numpy as np
import pytest

from isoloss import curves
from isoloss.networks import Matched

STEPS = 3000
LEVELS = (1.2, 0.9)


def train_loss(step):
    return 0.5 + 5 * (step + 1) ** -0.35


def met(level):
    """Return the step at which the train loss is a level, by hand."""
    return (5 / (level - 0.5)) ** (1 / 0.35) - 1


def trained(noise=0.0, levels=LEVELS, rate=lambda _: 0.1, losses=None, **options):
    """Return a logged loop whose losses are known, and the steps at which it was measured."""
    rng, seen = np.random.default_rng(0), []
    done = 0

    def evaluate():
        seen.append(done)
        train = train_loss(done) if losses is None else losses(done)
        return train, 0.2 + 1.1 * train

    at = Matched(levels, evaluate, **options)
    for step in range(STEPS):
        loss = train_loss(step) if losses is None else losses(step)
        done = step + 1
        at.step(loss + noise * rng.normal(), rate(done))
    return at, seen


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
def test_the_test_loss_at_each_level_is_known_whatever_the_noise_of_batches(noise):
    at, seen = trained(noise)
    run = at.curve()
    assert run.step.tolist() == seen
    found = curves.match([run, run.until(2500)], LEVELS).matched
    own = next(iter(found.values()))
    # first passages of batches with noise 0.5 are at less than half of these steps
    np.testing.assert_allclose(own.step, [met(level) for level in LEVELS], rtol=0.01)
    np.testing.assert_allclose(own.test_loss, 0.2 + 1.1 * np.array(LEVELS), atol=1e-3)
    for level in LEVELS:
        beside = np.array(seen)[np.abs(np.log(np.array(seen) / met(level))) < 0.1]
        assert beside.size >= 8  # measurements within 10% of the steps, so that they are smoothed


def test_measurements_are_dense_near_levels_alone():
    at, seen = trained()
    assert at.measured == len(seen) < 160
    growth = np.diff(np.log(seen))
    late = np.array(seen[1:]) > 100  # earlier, a step is more than 2%
    near = np.min([np.abs(np.log(np.array(seen[1:]) / met(level))) for level in LEVELS], axis=0)
    assert growth[late & (near < 0.15)].max() < 0.03
    assert np.median(growth[late & (near > 0.4)]) > 0.045
    assert growth[late].max() < 0.06


def test_a_fall_after_a_jump_of_the_rate_is_not_missed():
    def losses(step):
        fallen = 0.1 * (1 - math.exp(-(step - 2000) / 30)) if step > 2000 else 0.0
        return train_loss(step) - fallen

    at, seen = trained(0.1, [0.77], lambda step: 0.1 if step <= 2000 else 0.01, losses)
    steps = np.arange(STEPS + 1)
    crossed = int((np.array([losses(step) for step in steps]) <= 0.77).argmax())
    assert 2000 < crossed < 2100
    assert 2001 in seen
    assert np.diff([step for step in seen if 2000 < step <= 2100]).max() <= 11
    step = float(str(at).split("step ")[1].split(",")[0])
    assert step == pytest.approx(crossed, abs=11)


def test_the_log_is_a_run_for_match(tmp_path):
    at, seen = trained(log=tmp_path / "mine.csv")
    own = at.curve()
    (read,) = curves.read(tmp_path / "mine.csv")
    assert read.name == own.name == "mine"
    assert read.step.tolist() == seen
    np.testing.assert_array_equal(read.loss, own.loss)
    np.testing.assert_array_equal(read.test_loss, own.test_loss)
    np.testing.assert_array_equal(read.rates, own.rates)
    with pytest.raises(FileExistsError):
        Matched(1.0, lambda: (1.0, 1.0), log=tmp_path / "mine.csv")


def test_curve_measures_the_end_once():
    calls = itertools.count()
    at = Matched(0.1, lambda: (1 / (1 + next(calls)), 1.0))
    for _ in range(7):
        at.step(1.0, 0.1)
    first = at.curve()
    measured = at.measured
    assert repr(at) == f"Matched(7 steps, {measured} measurements)"
    assert first.steps == 7
    assert at.curve() == first
    assert at.measured == measured


def test_levels_that_are_not_met_and_short_runs_are_said():
    at, _ = trained(levels=[0.9, 0.1])
    assert str(at).splitlines()[1] == "train loss 0.1000 is not met"
    assert str(at).startswith(f"train loss 0.9000 is met at step {met(0.9):.0f}, between measure")
    assert str(Matched(1.0, lambda: (1.0, 1.0))).startswith(
        "no level can be told yet: a loss curve"
    )


def test_losses_that_are_not_finite_count_as_not_measured():
    at = Matched(1.0, lambda: (math.inf, 1.0) if at.steps > 5 else (1.0 / at.steps, 1.0))
    for step in range(8):
        at.step(math.nan if step == 3 else 1.0, 0.1)
    assert np.isnan(at.curve().loss).sum() >= 1
    assert np.isfinite(at.curve().loss).sum() >= 2


def test_a_log_is_not_overwritten(tmp_path):
    (tmp_path / "mine.csv").write_text("kept")
    with pytest.raises(FileExistsError, match=r"mine.csv' exists already; delete it, or give"):
        Matched(1.0, lambda: (1.0, 1.0), log=tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_text() == "kept"


def test_what_cannot_be_logged_is_refused():
    with pytest.raises(ValueError, match="levels must be finite"):
        Matched([1.0, math.nan], lambda: (1.0, 1.0))
    with pytest.raises(TypeError, match="evaluate must be a function"):
        Matched(1.0, 3)  # type: ignore[arg-type] # what is refused
    with pytest.raises(TypeError, match="evaluate must return two numbers"):
        Matched(1.0, lambda: 1.0).step(1.0, 0.1)
    with pytest.raises(ValueError, match="lr must be a finite number of at least 0; got -1"):
        Matched(1.0, lambda: (1.0, 1.0)).step(1.0, -1)
    with pytest.raises(ValueError, match="needs two measurements; got 0"):
        Matched(1.0, lambda: (1.0, 1.0)).curve()


@pytest.mark.parametrize(
    ("loss", "rate", "message"),
    [
        (
            1.0,
            [0.1],
            r"lr must be one number, such as optimizer.param_groups\[0\]\['lr'\]; got \[0.1",
        ),
        (None, 0.1, "loss must be one number; got None"),
        (np.ones(3), 0.1, "loss must be one number; got array"),
    ],
)
def test_a_loss_and_a_rate_are_one_number(loss, rate, message):
    with pytest.raises(TypeError, match=message):
        Matched(1.0, lambda: (1.0, 1.0)).step(loss, rate)


def test_tensors_with_gradients_are_taken_and_huge_losses_do_not_end_the_loop():
    torch = pytest.importorskip("torch", reason="the extra torch")
    scale = torch.ones(1, requires_grad=True)
    at = Matched(1.0, lambda: (scale.sum() / at.steps, scale.sum()))
    for step in range(1, 900):
        # blocks have several steps after 400, whose sum overflows
        at.step(scale.double().sum() * (1.0 if step < 400 else 1.7e308), 0.1)
    assert at.curve().loss[-1] == pytest.approx(1 / 899)
