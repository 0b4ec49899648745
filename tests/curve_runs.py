"""Runs that follow a law, for tests."""

import numpy as np

from isoloss import curves
from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.law_parameters import LawParameters, log_loss
from isoloss.schedules.families import cosine, warmup, warmup_stable_decay

PEAK = 1e-3
TRUE = LawParameters(2.0, 0.9, 0.5, 0.4, 0.25, 0.9, 250.0, 1.45)


def drawn(schedule, name, *, noise=3e-4, seed=0, every=100, decay=0.1):
    """Return a run whose log losses are the true law's, with independent noise."""
    rates = schedule.learning_rates()
    step = np.arange(every, rates.size + 1, every)
    runs = FilteredRuns([(rates, step)], PEAK, np.array([decay]))
    logs = log_loss(TRUE, runs) + noise * np.random.default_rng(seed).normal(size=step.size)
    return curves.LossCurve(step, np.exp(logs), rates, weight_decay=decay, name=name)


def three_runs(**settings):
    return [
        drawn(warmup_stable_decay(PEAK, 8000, warmup=200, decay=0), "constant", seed=1, **settings),
        drawn(warmup_stable_decay(PEAK, 8000, warmup=200, decay=1600), "wsd", seed=2, **settings),
        drawn(warmup(PEAK / 2, 200) + cosine(PEAK / 2, 7800), "cosine", seed=3, **settings),
    ]
