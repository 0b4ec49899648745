"""No certificate keeps the checker for ever, and flint's precision is nobody's else."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import flint
import pytest
from forgeries.written import HEAD, Content, boxes, family, identity, run, signed

from isoloss.checker import LimitError, RejectedError, check, verify
from isoloss.proof import ExactProblem, certify, for_all


def added(texts: list[str]) -> str:
    half = len(texts) // 2
    return f"({added(texts[:half])} + {added(texts[half:])})" if half else texts[0]


def halved(depth: int) -> str:
    return "a" + 2 * halved(depth - 1) if depth else "."


LETTERS = "abcdefghijklmnopqrst"
V = [f"v{i}" for i in range(900)]
BOMBS: dict[str, tuple[Content, str, int]] = {
    "terms": (
        identity("*".join(f"({a}+1)" for a in LETTERS), "a", " ".join(LETTERS)),
        "200000 terms",
        10**7,
    ),
    "power": (
        identity(f"({'+'.join(LETTERS)})**50", "a", " ".join(LETTERS)),
        "200000 terms",
        10**7,
    ),
    "bits": (identity("((7**50)**50)**50 * a", "a", "a"), "131072 bits", 10**7),
    "degree": (
        identity("((a**50)**50)**9", "((a**50)**9)**50", "a"),
        "degree of the identity is above 200",
        10**7,
    ),
    "names": (identity(added(V), "0", " ".join(V)), "100 variables", 10**7),
    "conjuncts": (boxes(" and ".join(["1 < 2"] * 200_000)), "100000 characters", 10**7),
    "cuts": (boxes("x < 2", tree="a" * 100_000), "cut more than 1000 times", 10**7),
    "boxes": (boxes("x < 2", tree=halved(12)), "20000 operations", 20_000),
    "ends": (
        family(
            "level > 0",
            level="x",
            train=["1", "x"],
            schedules={f"s{i}": "gd(1/8, 20) > flow" for i in range(99)},
        ),
        "more than 1024 ways",
        10**7,
    ),
    "pieces": (
        run(level="0", schedule=[["flow", "1/3"]] * 9999, reached=False, piece=9998, steps=0),
        "20000 operations",
        20_000,
    ),
    "texts": (
        family(train=["max(" + "1," * 9999 + "1)"] * 9, test=["1"] * 9, start_squared=["1"] * 9),
        "1000000 operations",
        10**6,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_take_for_ever_meets_a_bound_that_is_named(name: str) -> None:
    content, bound, work = BOMBS[name]
    with pytest.raises(LimitError, match=bound):
        check(signed(content), max_work=work)


def test_more_work_can_be_allowed(tmp_path: Path) -> None:
    path = certify(PROBLEM, "gd(1, 10) > flow", "1/100", "test_loss <= 3/4 * level").save(
        tmp_path / "a"
    )
    assert verify(path).verdict == "proved"
    with pytest.raises(LimitError, match=r"more than 100 operations, the limit; allow more with"):
        verify(path, max_work=100)


def test_a_theorem_of_many_parts_has_one_bound() -> None:
    part = boxes("exp(x) > 1")
    words = {"name": "t", "statement": "s", "argument": [], "parts": [part] * 2000}
    with pytest.raises(LimitError, match="more than 100000 operations"):
        check(signed(HEAD | {"kind": "theorem"} | words), max_work=100_000)


PROBLEM = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])


def test_precision_is_restored_and_each_thread_has_its_own() -> None:
    def prove(bits: int) -> list[Any]:
        claim = "exp(x) - 1 > x - 1/10"
        proof = for_all({"x": (0, 1)}, claim, bits=bits, progress=False)
        run = certify(PROBLEM, "flow", "1/7", f"time**2 > 0 and {bits} > 0")
        checked = check(json.loads(proof.to_json())), check(json.loads(run.to_json()))
        return [proof.content, run.content, checked]

    before = flint.ctx.prec
    try:
        flint.ctx.prec = 77
        sizes = (32, 64, 300, 2000)
        alone = {bits: prove(bits) for bits in sizes}
        found: list[tuple[int, list[Any]]] = []
        together = [
            threading.Thread(target=lambda bits=bits: found.append((bits, prove(bits))))
            for bits in sizes * 4
        ]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join(60)
        assert len(found) == len(together)
        assert all(alone[bits] == each for bits, each in found)
        assert flint.ctx.prec == 77
        with pytest.raises(RejectedError):
            check(signed(boxes("x > 1", bits=500)))
        assert flint.ctx.prec == 77
    finally:
        flint.ctx.prec = before


def test_theorems_within_theorems_are_bounded() -> None:
    whole = identity("a", "a", "a")
    for _ in range(25):
        words = {"name": "t", "statement": "s", "argument": [], "parts": [whole]}
        whole = HEAD | {"kind": "theorem"} | words
    with pytest.raises(LimitError, match="nested more than 20 levels deep"):
        check(signed(whole))
