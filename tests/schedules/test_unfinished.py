"""Schedules that leave their number of steps open."""

import pickle
import re

import pytest

import isoloss as il
from isoloss.schedules import Spec, SpecError
from isoloss.schedules.unfinished import Unfinished, read_unfinished


def test_texts_are_shown_in_normal_form() -> None:
    for text, normal in {
        " cosine( 1,...)": "cosine(1, ...)",
        "warmup_stable_decay(1, ...)": "warmup_stable_decay(1, ...)",
        "warmup_stable_decay(1, ..., warmup=100)": "warmup_stable_decay(1, ..., warmup=100)",
        "cosine(lr=1, steps=..., cycles=3)": "cosine(lr=1, steps=..., cycles=3)",
        "gd(1, 3)>cosine(0.5, ...)": "gd(1.0, 3) > cosine(0.5, ...)",
    }.items():
        found = read_unfinished(text)
        assert isinstance(found, Unfinished)
        assert str(found) == normal
        assert found == read_unfinished(normal)
        assert pickle.loads(pickle.dumps(found)) == found


def test_it_gives_schedules_of_any_length() -> None:
    by_text = read_unfinished("warmup_stable_decay(1, ...)")
    assert isinstance(by_text, Unfinished)
    assert by_text.of(20) == Spec(il.families.warmup_stable_decay(1.0, 20, 2, 4))

    def mine(steps: int) -> il.Schedule:
        return il.families.cosine(0.5, steps)

    by_function = read_unfinished(mine)
    assert isinstance(by_function, Unfinished)
    assert str(by_function) == "mine(...)"
    assert by_function.of(7) == mine(7)


def test_other_schedules_are_what_they_are() -> None:
    assert read_unfinished("flow") == Spec.parse("flow")
    assert read_unfinished(il.anneal(1.0, 3)) == il.anneal(1.0, 3)
    same = Unfinished("cosine(1, ...)")
    assert read_unfinished(same) is same
    with pytest.raises(TypeError, match="a schedule is a text"):
        read_unfinished(3)  # type: ignore[arg-type]  # wrong on purpose


def test_faults_are_found_at_once() -> None:
    with pytest.raises(SpecError, match=re.escape("cosin")):
        read_unfinished("cosin(1, ...)")
    with pytest.raises(SpecError, match="only one number"):
        read_unfinished("gd(1, ...) > gd(0.5, ...)")
