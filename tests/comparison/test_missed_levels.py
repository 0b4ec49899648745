"""Why schedules miss levels, and the largest rates of those that are finished."""

import numpy as np
import pytest

import isoloss as il
from isoloss.comparison import tables

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])  # 1/γ₁ is 1.5
LEVELS = [10.0, 0.1]


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("gd(1, ...)", "gd(1.0, ...) has no schedule that ends at 2 of 2 levels: the lowest end"),
        ("gd(1.0, 5)", "does not reach 2 of 2 levels: its train loss ends at 66.67; its rates"),
        ("gd(0.1, 2)", "go up to 0.100 times the largest stable rate 1/γ₁."),
        (il.GradientDescent([18.0] * 3), "its rates, which are absolute (only those of texts are"),
        (il.GradientDescent([18.0] * 3), "go up to 12.0 times the largest stable rate 1/γ₁; from"),
        (
            il.GradientDescent([0.75, 0.6]),
            "does not reach 1 of 2 levels: its train loss ends at 3.000;",
        ),
        (il.GradientFlow(0.1), "does not reach 2 of 2 levels: its train loss ends at 80.23."),
    ],
)
def test_they_say_why(schedule: str | il.Schedule, sentence: str) -> None:
    found = il.compare(PAPER, schedule, LEVELS)
    (told,) = found.missed_levels
    assert sentence in told
    assert told in found.notes
    assert told in found.to_dict()["missed_levels"]
    assert told[:40] in str(found)
    assert told[:40].split("(")[0] in found._repr_html_()


def test_a_text_that_is_only_too_short_says_nothing() -> None:
    assert il.compare(PAPER, ["gd(0.6, 3)", "flow"], LEVELS).missed_levels == ()


def test_the_largest_rate_of_each_finished_schedule_is_shown() -> None:
    found = il.compare(PAPER, ["cosine(1, ...)", "gd(0.6, 30)"], LEVELS)
    own, other = found.schedules
    rates = [il.finish("cosine(1, ...)", PAPER, level).learning_rates().max() for level in LEVELS]
    np.testing.assert_allclose(own.largest_rate, np.array(rates) / 1.5, rtol=1e-12)
    assert other.largest_rate.size == 0
    shown = [f"{rate / 1.5:.3f}" for rate in rates]
    table, without = tables(found)
    assert [row[table.heads.index("largest rate")] for row in table.rows] == shown
    assert "largest rate" not in without.heads
    low, high = sorted(shown)
    assert f"in units of 1/γ₁: cosine(1, ...) {low} to {high}." in found.setting[-1]
    assert [row["largest_rate"] for row in found.rows()] == [*own.largest_rate, None, None]
