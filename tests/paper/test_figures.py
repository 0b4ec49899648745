"""What the figures show is what the engine computes."""

import numpy as np
import pytest

from isoloss.paper.figures import figure1, losses_figure


def test_figure_1_has_three_panels_on_the_same_axes() -> None:
    axes = figure1().axes
    assert [panel.get_title("left")[:3] for panel in axes] == ["(a)", "(b)", "(c)"]
    assert len({(panel.get_xlim(), panel.get_ylim()) for panel in axes}) == 1
    for panel in axes:
        assert panel.get_xlabel()
        assert panel.get_legend() is not None
        ellipse = panel.patches[0]
        centre, width, height = np.array(ellipse.center), ellipse.width, ellipse.height
        # on the ellipse the train loss is 2/3 and 1/3 of the squared half axes
        assert 2 / 3 * (width / 2) ** 2 == pytest.approx(1 / 3 * (height / 2) ** 2)
        ends = [line.get_xydata()[-1] for line in panel.lines if line.get_markersize() == 7]
        for end in ends:
            scaled = (np.asarray(end) - centre) / [width / 2, height / 2]
            assert scaled @ scaled == pytest.approx(1.0, rel=1e-9)
        assert ends


def test_the_losses_run_inside_the_band_to_a_ratio_of_two() -> None:
    upper, lower = losses_figure().axes
    flow, annealed = (line.get_ydata() for line in upper.lines)
    levels = upper.lines[0].get_xdata()
    assert np.all(flow <= 1.5 * levels * (1 + 1e-12))
    np.testing.assert_allclose(annealed, 0.75 * levels, rtol=1e-12)
    assert lower.lines[-1].get_ydata()[-1] == pytest.approx(2.0, abs=1e-3)
