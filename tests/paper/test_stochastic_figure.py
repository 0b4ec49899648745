"""The figure of batch sizes shows what the closed recursion gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isoloss.paper.stochastic_figure import batches_figure


def test_the_lines_are_those_of_the_recursion() -> None:
    (axes,) = batches_figure().axes
    *lines, simulated = axes.lines
    flow = (-1 + math.sqrt(1 + 24e-4 / 2)) / 4e-4  # b with 2cb² + b = 3ε
    for line, size in zip(lines, (1, 2, 3, 10, math.inf), strict=True):
        counts, ratio = line.get_data()
        factor = 0.0 if math.isinf(size) else (8 * size + 1) / (2 * size + 1) ** 2
        b = factor**counts * 1e4
        ratios = 10**4 / np.maximum(b, 1e-30) ** 2  # c = δ_1²/δ_2⁴, which flow keeps
        end = 3 / (1 + np.sqrt(1 + 12 * ratios))
        assert ratio == pytest.approx((1.5 + end) / (1.5 + flow), rel=1e-9)
    assert lines[0].get_ydata() == pytest.approx(1.0)
    assert simulated.get_ydata()[-1] == pytest.approx(0.8368, abs=0.015)
    assert [text.get_text() for text in axes.get_legend().get_texts()][4].startswith("B = ∞")
