"""Printed tables: heads break between words, and columns stand in one table while they fit."""

import pytest

import isoloss as il
from isoloss.comparison.overview import WIDTH, aligned

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
WSD = "warmup_stable_decay(1, ...)"


@pytest.mark.parametrize(
    ("heads", "shown"),
    [
        (
            ["train loss", "gd(1.0, 10) > flow", WSD],
            [
                "                                warmup_stable_decay",
                "train loss  gd(1.0, 10) > flow             (1, ...)",
            ],
        ),
        (
            ["train loss", WSD, WSD, "gd(1.0, 100) > flow", "a name of mine", "a (b", "gd(0.6, 4)"],
            [
                "            warmup_stable_decay  warmup_stable_decay  gd(1.0, 100)  a name of",
                "train loss             (1, ...)             (1, ...)        > flow       mine"
                "  a (b  gd(0.6, 4)",
            ],
        ),
        (
            ["x", "cosine(1.0, 100, momentum=0.9, weight_decay=0.1)", "y" * 70],
            [
                "                            cosine  yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
                "        (1.0, 100, momentum=0.9,  yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
                "x               weight_decay=0.1)                      yyyyyyyyyy",
            ],
        ),
    ],
)
def test_heads_break_between_words(heads: list[str], shown: list[str]) -> None:
    blank, *lines = aligned(heads, [["0"] * len(heads)])
    assert not blank
    assert [line.split() for line in lines[:-1]] == [line.split() for line in shown]
    assert lines[:-1] == [line.rstrip() for line in lines[:-1]]
    assert max(map(len, lines)) <= WIDTH


def test_columns_beyond_the_width_follow_in_a_second_table() -> None:
    names = ["train loss", *(f"gd({i}.0, 1000000000) > flow" for i in range(8)), "flow"]
    lines = aligned(names, [[str(i) for i in range(10)]])
    blanks = [i for i, line in enumerate(lines) if not line.strip()]
    assert [lines[i] for i in blanks] == ["", ""]  # one above each table
    for line in lines[blanks[1] - 1], lines[-1]:
        assert line.startswith("         0")
    assert lines[blanks[1] - 1].split() == ["0", "1", "2", "3", "4"]
    assert lines[-1].split() == ["0", "5", "6", "7", "8", "9"]


def test_five_schedules_stand_in_one_table() -> None:
    names = ["gd(1, 10) > flow", "cosine(1, ...)", WSD, "gd(0.6, 4)", "gd(0.5, 9)"]
    lines = str(il.compare(PAPER, names, [1.0])).splitlines()
    head = lines[lines.index("") + 1 :]
    assert len(head) == 3  # two of heads, one of losses
    assert len(head[-1].split()) == 7
    assert head[0].split()[-1] == "warmup_stable_decay"
