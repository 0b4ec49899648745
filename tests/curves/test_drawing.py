import numpy as np

from isoloss.curves.drawing import draw_forecasts


def test_figure_shows_runs_and_forecasts_and_leaves_the_start_above(law, runs):
    forecast = law.predict("warmup_stable_decay(1, 16000, warmup=200, decay=3200)", name="planned")
    figure = draw_forecasts([forecast], runs)
    rates, losses = figure.axes
    assert losses.get_xlabel() == "step"
    assert losses.get_ylabel() == "loss"
    assert rates.get_ylabel() == "learning rate"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "constant",
        "wsd",
        "cosine",
        "planned",
    ]
    low, high = losses.get_ylim()
    late = np.concatenate([run.loss[run.step >= 1600] for run in runs])
    assert low < forecast.low.min()
    assert late.max() < high < 1.5 * late.max()
    assert forecast.plot().axes[1].get_ylim()[0] < forecast.low.min()


def test_a_law_is_drawn_beside_its_runs(law, runs):
    figure = law.plot(runs=runs)
    assert len(figure.axes[1].lines) == 6
    (legend,) = law.plot().legends
    assert [text.get_text() for text in legend.get_texts()] == ["constant", "20% cool-down"]


def test_flat_losses_have_room(law):
    forecast = law.predict("constant(1, 100)", at=[100])
    low, high = draw_forecasts([forecast], []).axes[1].get_ylim()
    assert low < forecast.low[0] < forecast.high[0] < high
