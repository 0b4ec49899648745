"""Figures of comparisons: at every width, all text is inside, and the ticks' labels are apart."""

import itertools

import pytest

import isoloss as il
from isoloss.comparison import compare_repeatedly

NAMES = [
    "flow",
    "gd(0.9, 10) > gd(0.5, 10) > flow",
    "cosine(1, ...)",
    "warmup_stable_decay(1, ...)",
]
SMALL = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
TINY = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-0.1, -0.1])


@pytest.mark.parametrize(
    ("problem", "levels", "width"),
    [
        (SMALL, [97.0, 95.0], 3.3),
        (SMALL, [60.0, 26.0], 3.3),
        (TINY, [5e-3, 1.2e-4], 3.3),
        *((SMALL, 6, width) for width in (3.3, 5.0, 7.0)),
    ],
)
def test_all_text_is_inside_and_apart(
    problem: il.Problem, levels: list[float] | int, width: float
) -> None:
    judgement = (
        compare_repeatedly([problem, SMALL], NAMES, 6, test_per_train=1.0) if levels == 6 else None
    )
    figure = il.compare(problem, NAMES, levels).figure(width, judgement=judgement)
    figure.draw_without_rendering()
    used, size = figure.get_tightbbox(), figure.get_size_inches()  # inches
    assert min(used.x0, used.y0) >= -0.01
    assert (used.max <= size + 0.01).all()
    lower = figure.axes[1]
    left, right = lower.get_xlim()
    labels = [
        label.get_window_extent()
        for label in [*lower.get_xticklabels(), *lower.get_xticklabels(minor=True)]
        if label.get_text() and left <= label.get_position()[0] <= right
    ]
    assert len(labels) >= 2
    for one, other in itertools.pairwise(sorted(labels, key=lambda box: box.x0)):
        assert one.x1 + 2 <= other.x0  # pixels
