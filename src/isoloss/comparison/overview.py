"""A comparison at a glance: levels down, schedules across, as text and as HTML."""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Iterator, Sequence

from isoloss._messages.numbers import short, signed_percent
from isoloss.comparison.outcomes import Stops

__all__ = ["WIDTH", "aligned", "as_html", "as_text"]

WIDTH = 99
_HEADS = 18, 12  # the most characters in a line of a column's head, and in a table that is wide
_WORD = 30  # the most characters in a word that is not broken
_WORDS = re.compile(r"[^\s(]+|\([^)]*\)|\S")  # with the arguments of a call as one word
_SHOWN = 40  # levels; if there are more, only the first and last are shown
_DIGITS = 5

_READING = (
    "Test loss at equal train loss: the reference ({}) as a loss; the others as differences to it, "
    "or as losses where the reference does not reach the level. -: not reached."
)


def as_text(setting: Sequence[str], flow: Stops, schedules: Sequence[Stops]) -> str:
    """Return the setting and a table, which is split into several if it is too wide."""
    heads, rows = _table(flow, schedules)
    lines = [
        line
        for sentence in (*setting, _reading(schedules))
        for line in textwrap.wrap(sentence, WIDTH)
    ]
    return "\n".join([*lines, *aligned(heads, rows)])


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, split into several with its first column if it is too wide.

    The lines of heads are shorter in a table that would be too wide otherwise.
    """
    columns = list(zip(*rows, strict=True))
    for longest in _HEADS:
        folded = [_folded(head, longest) for head in heads]
        widths = [
            max(map(len, (*head, *cells))) for head, cells in zip(folded, columns, strict=True)
        ]
        if sum(widths) + 2 * (len(widths) - 1) <= WIDTH:
            break
    lines = []
    for block in _blocks(widths):
        height = max(len(folded[i]) for i in block)
        heads_down = ([""] * (height - len(folded[i])) + folded[i] for i in block)
        cells = ((*head, *columns[i]) for head, i in zip(heads_down, block, strict=True))
        padded = [
            [cell.rjust(widths[i]) for cell in own] for own, i in zip(cells, block, strict=True)
        ]
        lines += ["", *("  ".join(line).rstrip() for line in zip(*padded, strict=True))]
    return lines


def as_html(setting: Sequence[str], flow: Stops, schedules: Sequence[Stops]) -> str:
    """Return the setting and the table as HTML."""
    heads, rows = _table(flow, schedules)
    head = "".join(f"<th>{html.escape(each)}</th>" for each in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    text = "<br>".join(html.escape(line) for line in (*setting, _reading(schedules)))
    return f"<p>{text}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _folded(head: str, longest: int) -> list[str]:
    """Break a head into lines, between words or before the arguments of a call."""
    words = list(_WORDS.finditer(head))
    width = max(longest, min(_WORD, max((len(word[0]) for word in words), default=0)))
    lines = [""]
    for word in words:
        gap = " " * (word.start() > 0 and head[word.start() - 1].isspace())
        if lines[-1] and len(lines[-1] + gap + word[0]) > width:
            lines.append(word[0])
        else:
            lines[-1] += gap + word[0]
    return [part for line in lines for part in textwrap.wrap(line, width)]


def _reading(schedules: Sequence[Stops]) -> str:
    return _READING.format(schedules[0].reference or "gradient flow")


def _table(flow: Stops, schedules: Sequence[Stops]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the heads and rows of cells; the reference comes before the other schedules."""
    reference = [each for each in schedules if each.is_reference]
    others = [each for each in schedules if not each.is_reference]
    named = [("train loss", [short(level, _DIGITS) for level in flow.levels])]
    if not reference:
        named.append(("gradient flow", _absolute(flow)))
    named += [(each.name, _absolute(each)) for each in reference]
    named += [(each.name, _relative(each)) for each in others]
    rows = list(zip(*(cells for _, cells in named), strict=True))
    if len(rows) > _SHOWN:
        rows[_SHOWN // 2 : -_SHOWN // 2] = [("…",) * len(named)]
    return [name for name, _ in named], rows


def _absolute(stops: Stops) -> list[str]:
    losses = zip(stops.test_loss, stops.reached, strict=True)
    return [short(loss if reached else math.nan, _DIGITS) for loss, reached in losses]


def _relative(stops: Stops) -> list[str]:
    cells = zip(_absolute(stops), stops.ratio, strict=True)
    return [cell if math.isnan(ratio) else signed_percent(ratio - 1) for cell, ratio in cells]


def _blocks(widths: Sequence[int]) -> Iterator[list[int]]:
    """Group columns, given by their widths, that fit side by side; column 0 starts every group."""
    block = [0]
    for column in range(1, len(widths)):
        if len(block) > 1 and sum(widths[i] + 2 for i in (*block, column)) - 2 > WIDTH:
            yield block
            block = [0]
        block.append(column)
    yield block
