"""Schedules that are stopped before their decay, and the texts that finish them."""

import pytest
from sklearn.datasets import load_diabetes

import isoloss as il
from isoloss.comparison import CutDecayWarning

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("cosine(0.5, 400)", "cosine(0.5, ...)"),
        ("cosine(0.5, steps=400) > flow", "cosine(0.5, steps=...)"),
        (
            "warmup_stable_decay(0.5, 90, warmup=10, decay=20)",
            "warmup_stable_decay(0.5, ..., warmup=10, decay=20)",
        ),
        ("gd(0.1, 2) > cosine(0.5, 400)", "gd(0.1, 2) > cosine(0.5, ...)"),
        ("cosine(0.5, 400) > gd(0.1, 400)", "cosine(0.5, ...) > gd(0.1, 400)"),
    ],
)
def test_the_warning_names_the_text_that_finishes(text: str, instead: str) -> None:
    with pytest.warns(CutDecayWarning, match="is stopped before its decay at 2 of 2 levels") as got:
        found = il.compare(PAPER, text, levels=[5.0, 1.0])
    assert f"give {instead!r}." in str(got[0].message)
    assert found.cut_decays == (str(got[0].message),)
    assert found.cut_decays[0] in found.to_dict()["cut_decays"]
    assert "stopped before its decay" in str(found)


def test_objects_are_told_to_become_functions() -> None:
    with pytest.warns(CutDecayWarning, match="give a function that makes the schedule"):
        il.compare(PAPER, il.families.cosine(0.7, 400), levels=[1.0])


def test_what_has_fallen_or_never_falls_is_not_cut() -> None:
    for schedule in (
        "flow",
        "gd(1.0, 10) > gd(0.1, 100)",
        "cosine(0.5, ...)",
        "warmup(0.5, 400)",
        il.finish("cosine(0.02, ...)", PAPER, 0.99),
    ):
        assert il.compare(PAPER, schedule, levels=[1.0]).cut_decays == ()


def test_the_share_of_the_rate_is_that_at_the_stop() -> None:
    rows = load_diabetes()
    problem = il.Problem.from_data(rows.data, rows.target, fit_intercept=True)
    problem = problem.with_test(rows.data, rows.target)
    with pytest.warns(CutDecayWarning, match="stopped before its decay"):
        found = il.compare(problem, ["cosine(1, 100)"], levels=[4000.0])
    steps = int(found.schedules[0].steps[0])
    rates = il.families.cosine(1.0, 100).learning_rates()
    assert f"the rate there is {100 * rates[steps - 1]:.2g}%" in found.cut_decays[0]
