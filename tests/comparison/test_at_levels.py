"""Schedules stopped and finished at levels, in the order in which they are given."""

import numpy as np

import isoloss as il
from isoloss.comparison.at_levels import runs_to
from isoloss.schedules.unfinished import read_unfinished

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])


def test_each_run_is_its_schedules() -> None:
    levels = np.array([5.0, 0.1])
    given = ["cosine(0.5, ...)", "flow", "warmup_stable_decay(0.8, ...)", "gd(1, 10) > flow"]
    runs = list(runs_to(PAPER, [read_unfinished(each) for each in given], levels))
    for text, run in zip(given, runs, strict=True):
        for i, level in enumerate(levels.tolist()):
            if "..." in text:
                alone = il.train(PAPER, il.finish(text, PAPER, level))
            else:
                alone = il.train(PAPER, text, level)
            np.testing.assert_allclose(run.test_loss[i], alone.test_loss, rtol=1e-11)
            assert int(run.steps[i]) == int(alone.steps)
        np.testing.assert_allclose(run.train_loss, levels, rtol=1e-15)


def test_finished_ones_alone() -> None:
    (run,) = runs_to(PAPER, [read_unfinished("cosine(0.5, ...)")], np.array([1.0]))
    assert run.reached.all()
