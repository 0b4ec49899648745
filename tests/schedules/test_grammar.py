"""The grammar of texts is Python's: what of it is read, what is refused, and that it ends soon."""

import time
from collections.abc import Iterator

import pytest

import isoloss as il
from isoloss.schedules import Phase, Spec, SpecError
from isoloss.schedules.grammar import makers


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("gd(1_000, 1_0)", "gd(1000.0, 10)"),
        ("(gd(1, 10)) > (flow)", "gd(1.0, 10) > flow"),
        ("gd(+1, (10))", "gd(1.0, 10)"),
        ("gd(1, 10,)", "gd(1.0, 10)"),
        ("gd(steps=10, lr=1)", "gd(lr=1.0, steps=10)"),
        ("flow(time=2)", "flow(time=2.0)"),
        ("gd(1,\n   10)\n> flow", "gd(1.0, 10) > flow"),
        (
            "heavy_ball(1, 0, 1e1, carry_velocity=False)",
            "heavy_ball(1.0, 0.0, 10, carry_velocity=False)",
        ),
        ("decay(1, 9, 1 - sqrt)", "decay(1, 9, 1-sqrt)"),
        ("cosine(1, 1e2, final=00.5)", "cosine(1, 100, final=0.5)"),
    ],
)
def test_what_python_reads_alike_is_read(text: str, normal: str) -> None:
    spec = Spec.parse(text)
    assert str(spec) == normal
    assert Spec.parse(normal) == spec


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("gd(0x10, 5)", 3, r"cannot read '0x10,'"),
        ("gd(1j, 5)", 3, r"cannot read '1j,'"),
        ("gd(1, 010)", 6, r"cannot read '010\)'"),
        ("flow # for long", 5, "cannot read '#'"),
        ("decay(1, 9, 'linear')", 12, "cannot read \"'linear'"),
        ("gd(1, 5) \N{RIGHTWARDS ARROW} flow", 9, "cannot read '\N{RIGHTWARDS ARROW}'"),
        ("fl\N{LATIN SMALL LIGATURE FI}w", 0, "cannot read 'fl\N{LATIN SMALL LIGATURE FI}w'"),
        ("gd(\N{ARABIC-INDIC DIGIT ONE}, 5)", 3, "cannot read"),
        ("gd(1, 5) >= flow", 9, "expected '>' between phases"),
        ("gd(1, 5) == flow", 9, "expected '>' between phases"),
        ("gd(1, 5) + flow", 0, "expected a phase"),
        ("gd(1, 5) = flow", 9, "expected '>' and a further phase"),
        ("flow(1) > (flow(1) > flow)", 11, "expected a phase"),
        ("gd(1, 5)(1)", 0, "expected a phase"),
        ("gd(1, --5)", 6, "expected a number of steps"),
        ("gd(1, 5, 6)", 0, "gd: too many positional arguments"),
        ("gd(1, lr=5)", 0, "gd: multiple values for argument 'lr'"),
        ("gd(1, rate=5)", 6, "gd has no argument 'rate'; it takes lr, steps"),
        ("gd()", 3, "expected a rate, as in gd"),
        ("flow()", 5, "expected a time, as in flow"),
        ("gd(True, 5)", 3, "expected a rate"),
        ("cosine(1, None)", 10, "expected a value"),
        ("cosine(1 > 2, 5)", 7, "expected a value"),
        ("heavy_ball(0.1, 0.9)", 19, "expected ',' and the number of steps, as in heavy_ball"),
        ("heavy_ball(0.1, 1.5, 3)", 16, "momentum must be at least 0 and below 1; got 1.5"),
        ("gd(1, 5) > gd(1 if", 16, r"expected ',' and the number of steps"),
        ("gd(1, " + "9" * 5000 + ")", 6, "expected a value"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str, position: int, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        Spec.parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "(" * 90_000,
        "(" * 40_000 + ")" * 40_000,
        "-" * 90_000 + "1",
        "gd(" + "-" * 90_000 + "1, 5)",
        "1" + "+1" * 45_000,
        "f" + "(1)" * 30_000,
        "gd(" * 30_000,
        "not " * 20_000 + "flow",
        "flow" + " > flow" * 14_000 + " >",
        "flow " * 2_000_000,
    ],
    ids=lambda text: text[:9],
)
def test_deep_and_huge_texts_are_refused_soon(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        Spec.parse(text)
    assert time.process_time() - started < 10


@pytest.fixture
def kinds() -> Iterator[None]:
    known = dict(Phase.kinds)
    yield
    Phase.kinds.clear()
    Phase.kinds.update(known)


@pytest.mark.usefixtures("kinds")
def test_a_kind_of_ones_own_is_in_texts_at_once() -> None:
    class Halving(il.GradientDescent):
        __slots__ = ()
        name = "halving"

        def __init__(self, lr: float, steps: int) -> None:
            super().__init__([lr / 2**step for step in range(steps)])

    schedule = Spec.parse("halving(1, 3) > flow").relative
    assert schedule == il.Schedule(Halving(1.0, 3), il.GradientFlow())
    assert schedule.phases[0].learning_rates().tolist() == [1.0, 0.5, 0.25]
    with pytest.raises(SpecError, match="at most 5 steps of changing rates"):
        Spec.parse("halving(1, 6)", max_rates=5)
    assert makers()["gd"] is il.GradientDescent
    with pytest.raises(SpecError, match="did you mean 'halving'"):
        Spec.parse("halvng(1, 3)")
