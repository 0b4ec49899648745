"""What a comparison says of itself: against a schedule, in pairs, as text, JSON and figure."""

import json
import math
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

import isoloss as il
from isoloss.comparison import Comparison, Pair

GAMMA, LAMBDA, START = np.array([2 / 3, 1 / 3]), np.array([0.5, 0.5]), np.array([-10.0, -10.0])
# one schedule falls, and is stopped early on purpose
pytestmark = pytest.mark.filterwarnings("ignore::isoloss.comparison.CutDecayWarning")

RATES = {"half": [0.75] * 40, "falling": list(1.2 / np.arange(1, 31)), "short": [0.9, 0.3]}
LEVELS = [30.0, 1.0, 0.05, 1e-3]


@pytest.fixture(scope="module")
def found() -> Comparison:
    problem = il.Problem.from_spectra(GAMMA, LAMBDA, START)
    return il.compare(problem, {n: il.GradientDescent(r) for n, r in RATES.items()}, LEVELS)


def plain_loop(rates: list[float], level: float) -> float:
    """Return the test loss where a loop over steps ends at a train loss; NaN if it does not."""
    delta = START
    for rate in rates:
        move = -2 * rate * GAMMA * delta
        if GAMMA @ (delta + move) ** 2 <= level:
            parabola = GAMMA @ move**2, 2 * GAMMA @ (delta * move), GAMMA @ delta**2 - level
            return float(LAMBDA @ (delta + np.roots(parabola).real.min() * move) ** 2)
        delta = delta + move
    return math.nan


BY_HAND = {name: np.array([plain_loop(r, e) for e in LEVELS]) for name, r in RATES.items()}


@pytest.mark.parametrize("reference", RATES)
def test_against_a_schedule(found: Comparison, reference: str) -> None:
    against = found.against(reference)
    assert against.reference == reference
    for stops in against.schedules:
        expected = BY_HAND[stops.name] / BY_HAND[reference]
        np.testing.assert_allclose(stops.ratio, expected, rtol=1e-12)
        both = np.isfinite(expected)
        np.testing.assert_array_equal(stops.is_compared, both)
        for effect, ratio, reached in zip(stops.effects, expected, stops.reached, strict=True):
            if math.isnan(ratio):
                assert effect == ("reference not reached" if reached else "not reached")
            else:
                assert (effect == "helps") == (ratio < 0.99)
                assert (effect == "hurts") == (ratio > 1.01)
        assert stops.is_reference == (stops.name == reference)
    # what is not about the reference is as before
    for stops, before in zip(against.schedules, found.schedules, strict=True):
        np.testing.assert_array_equal(stops.flow_test_loss, before.flow_test_loss)
    assert against.rows()[0]["reference"] == reference
    assert found.rows()[0]["reference"] == "gradient flow"


def test_curves_are_drawn_against_the_schedule(found: Comparison) -> None:
    against = found.against("falling")
    for curve in against.curves:
        for i in range(0, curve.train_loss.size, 24):
            theirs = plain_loop(RATES["falling"], float(curve.train_loss[i]) * (1 + 1e-14))
            expected = curve.test_loss[i] / theirs
            np.testing.assert_allclose(curve.ratio[i], expected, rtol=1e-9)
    flow = against.flow_curve
    there = ~np.isnan(flow.ratio)
    curve = against.curves[1]
    np.testing.assert_allclose(flow.ratio[there], flow.test_loss[there] / curve.test_loss)


def test_against_a_finished_schedule_lines_join_the_levels() -> None:
    # its test loss is known at the levels, and nothing is made up between them
    problem = il.Problem.from_spectra(GAMMA, LAMBDA, START)
    schedules = {"half": il.GradientDescent(RATES["half"]), "finished": "cosine(0.6, ...)"}
    against = il.compare(problem, schedules, LEVELS, against="finished")
    for stops, curve in zip(against.schedules, against.curves, strict=True):
        known = np.isfinite(curve.ratio)
        assert known.sum() <= len(LEVELS)
        at = [int(np.abs(stops.train_loss - loss).argmin()) for loss in curve.train_loss[known]]
        np.testing.assert_allclose(curve.ratio[known], stops.ratio[at], rtol=1e-12)
    lower = against.figure().axes[1]
    (line,) = (each for each in lower.lines if each.get_linestyle() == "-")
    np.testing.assert_array_equal(line.get_xdata(), against.schedules[0].train_loss)
    np.testing.assert_allclose(line.get_ydata(), 100 * (against.schedules[0].ratio - 1))


def test_the_sentences_name_the_reference(found: Comparison) -> None:
    half, falling, short = found.against("falling").verdicts
    assert "than that of falling; train loss" in half
    assert half.endswith("; falling does not reach train loss 0.001000.")
    assert falling == "falling is the reference that the others are compared with."
    assert "it does not reach the last 3 levels" in short
    one_step = {"low": "gd(0.9, 1)", "none": "gd(0.001, 1)"}
    apart = il.compare(found.problem, one_step, [50.0], against="none")
    assert apart.verdicts[0] == (
        "low and none reach no level together, so that they cannot be compared at equal train loss."
    )
    assert apart.pairs()[0].sentence == (
        "none against low: no level that both reach (1 that only low reaches)."
    )


def test_gradient_flow_as_the_reference(found: Comparison) -> None:
    schedules = ["gd(1, 10) > flow", "flow"]
    usual = il.compare(found.problem, schedules, LEVELS)
    chosen = il.compare(found.problem, schedules, LEVELS, against="flow")
    assert chosen.reference is None
    assert chosen.verdicts == usual.verdicts
    assert chosen.to_dict() == usual.to_dict()


def test_a_text_names_its_schedule(found: Comparison) -> None:
    texts = ["flow", "gd(1.0, 10) > flow"]
    compared = il.compare(found.problem, texts, LEVELS, against="gd(1,10)>flow")
    assert compared.reference == "gd(1.0, 10) > flow"


def test_names_that_there_are_not(found: Comparison) -> None:
    with pytest.raises(ValueError, match=r"no schedule of the comparison: 'fallin' \(did you mean"):
        found.against("fallin")
    with pytest.raises(ValueError, match="it has 'half', 'falling', 'short'"):
        found.against("gd(1, 1")
    with pytest.raises(TypeError, match="against must be the name of a schedule; got Schedule"):
        found.against(found.schedules[0].schedule)  # type: ignore[arg-type]  # the point of it


def test_pairs_are_all_pairs(found: Comparison) -> None:
    pairs = found.pairs()
    names = [("falling", "half"), ("short", "half"), ("short", "falling")]
    assert [(pair.name, pair.other) for pair in pairs] == names
    for pair in pairs:
        expected = BY_HAND[pair.name] / BY_HAND[pair.other] - 1
        np.testing.assert_allclose(pair.difference, expected, rtol=1e-9, atol=1e-12)
        known = expected[np.isfinite(expected)]
        assert pair.lower == sum(known < -0.01)
        assert pair.higher == sum(known > 0.01)
        assert pair.lower + pair.higher + pair.same == known.size
    count = len(found.against("half").schedules)
    assert len(pairs) == len(list(combinations(range(count), 2)))
    assert il.compare(found.problem, "flow", LEVELS).pairs() == ()


def test_pairs_the_other_way_round(found: Comparison) -> None:
    turned = {name: il.GradientDescent(RATES[name]) for name in reversed(RATES)}
    pairs = {(pair.name, pair.other): pair.difference for pair in found.pairs()}
    for pair in il.compare(found.problem, turned, LEVELS).pairs():
        expected = 1 / (1 + pairs[pair.other, pair.name]) - 1
        np.testing.assert_allclose(pair.difference, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("missed", "difference", "sentence"),
    [
        (
            [],
            [-0.1, 0.005, 0.2, -0.02],
            "a against b: test loss lower at 2, higher at 1, no difference at 1 of 4 levels "
            "(-10.0% to +20.0%).",
        ),
        (
            ["b", "ab", "a", "ab"],
            [math.nan, math.nan, math.nan, math.nan, 0.0],
            "a against b: test loss lower at 0, higher at 0, no difference at 1 of 5 levels "
            "(0.0%); not compared: 1 that only a reaches, 1 that only b reaches, 2 that neither "
            "reaches.",
        ),
        (
            ["b", "b"],
            [math.nan, math.nan],
            "a against b: no level that both reach (2 that only a reaches).",
        ),
    ],
)
def test_the_sentence_of_a_pair(missed: list[str], difference: list[float], sentence: str) -> None:
    reached = np.ones((2, len(difference)), bool)
    for level, names in enumerate(missed):
        reached[["ab".index(name) for name in names], level] = False
    levels = np.arange(len(difference), 0, -1.0)
    assert Pair("a", "b", levels, reached, np.array(difference)).sentence == sentence


def test_both_at_rounding_differ_by_nothing() -> None:
    # one feature: wherever a run stops, the test loss is that of the train loss alone, here 0
    problem = il.Problem.from_spectra([1.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    pair = il.compare(problem, ["flow", "gd(0.1, 99)"], [0.5, 0.1]).pairs()[0]
    np.testing.assert_array_equal(pair.difference, 0.0)


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith(" " * 4)]


def test_printing_shows_the_table(found: Comparison) -> None:
    text = str(found)
    assert text.startswith("\n".join(found.setting))
    assert repr(found) == "Comparison(3 schedules, 4 levels)"
    table = text.splitlines()[-5:]
    assert table[0].split() == ["train", "loss", "gradient", "flow", "half", "falling", "short"]
    for line, level, flow, *losses in zip(
        table[1:], LEVELS, found.flow.test_loss, *BY_HAND.values(), strict=True
    ):
        shown = line.split()
        assert [float(cell) for cell in shown[:2]] == pytest.approx([level, flow], rel=1e-4)
        for cell, loss in zip(shown[2:], losses, strict=True):
            if math.isnan(loss):
                assert cell == "-"
            else:
                change = float(cell.removesuffix("%"))
                assert change == pytest.approx(100 * (loss / flow - 1), abs=0.06)


def test_where_the_reference_is_not_reached_the_loss_stands(found: Comparison) -> None:
    last = str(found.against("falling")).splitlines()[-1].split()
    assert last[1] == last[3] == "-"
    assert float(last[2]) == pytest.approx(BY_HAND["half"][-1], rel=1e-4)


def test_wide_and_long_tables_are_cut(found: Comparison) -> None:
    names = [f"a schedule of the name {i}" for i in range(12)]
    many = il.compare(found.problem, dict.fromkeys(names, "gd(0.6, 30) > flow"), 60)
    lines = str(many).splitlines()
    assert max(map(len, lines)) <= 99
    heads = [line for line in lines if line.startswith("train loss")]
    assert len(heads) > 1
    for i in range(12):
        assert any(f"{i}" in head.split() for head in heads)
    assert sum("…" in line for line in lines) == len(heads)
    assert sum(line.strip().endswith("%") for line in lines) == 40 * len(heads)


def test_a_notebook_gets_a_table() -> None:
    problem = il.Problem.from_spectra(GAMMA, LAMBDA, START)
    page = il.compare(problem, {"<b>": "gd(1.0, 10) > flow"}, [1.0])._repr_html_()
    assert "<th>&lt;b&gt;</th>" in page
    assert page.count("<tr>") == 2
    assert f"<td>{str(il.compare(problem, 'flow', [1.0])).split()[-1]}</td>" in page


def strict(text: str) -> object:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_holds_the_rows_and_no_nan(found: Comparison) -> None:
    plain = strict(found.to_json())
    assert plain == found.to_dict()
    assert isinstance(plain, dict)
    assert plain["rows"] == found.rows()
    assert plain["levels"] == LEVELS
    assert plain["verdicts"] == list(found.verdicts)
    assert plain["setting"] == list(found.setting)
    assert plain["versions"]["isoloss"] == il.__version__
    assert plain["pairs"][1]["difference"][1:] == [None] * 3
    assert plain["pairs"][0]["schedule"] == "falling"
    assert [each["schedule"] for each in plain["best"]] == [*RATES, "ridge"]


def test_json_has_none_for_infinite_numbers() -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape) for shape in ((8, 20), (8,), (30, 20), (30,))]
    found = il.compare(il.Problem.from_data(*arrays), ["gd(3, 1000000)", "flow"], 2)
    plain = strict(found.to_json())
    assert isinstance(plain, dict)
    diverged, flow = plain["rows"][0], plain["rows"][2]
    assert (diverged["reached"], diverged["train_loss"], diverged["ratio"]) == (False, None, None)
    assert flow["highest_test_loss"] is None
    assert math.isinf(found.flow.highest[0])
    assert isinstance(flow["test_loss"], float)


def test_loading_comparisons_loads_no_matplotlib() -> None:
    code = "import sys, isoloss.comparison, isoloss.comparison.result; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "isoloss.comparison.result" in done.stdout
    assert "matplotlib" not in done.stdout


@pytest.mark.parametrize("width", [None, 3.3])
def test_nothing_in_the_figure_overlaps(found: Comparison, width: float | None) -> None:
    drawing = found.against("falling").figure(width)
    assert drawing.get_figwidth() == (7.2 if width is None else width)
    drawing.draw_without_rendering()
    upper, lower = drawing.axes
    named = [upper.yaxis.label, lower.yaxis.label, lower.xaxis.label, *drawing.legends]
    boxes = [each.get_window_extent() for each in named]
    inside = drawing.bbox.padded(1)
    for box in boxes:
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        assert inside.y0 <= box.y0 < box.y1 <= inside.y1
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    texts = [*named[:3], *drawing.legends[0].get_texts(), *upper.get_xticklabels()]
    assert min(text.get_fontsize() for text in texts) >= 8
    assert min(axes.bbox.height for axes in drawing.axes) > drawing.dpi  # an inch
    labels = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert "falling (the reference)" in labels
    assert "the reference" in lower.get_ylabel()


@pytest.mark.parametrize("width", [2.9, 21.0, math.nan])
def test_widths_of_no_page(found: Comparison, width: float) -> None:
    with pytest.raises(ValueError, match="a figure is from 3 to 20 inches wide; got"):
        found.figure(width)
