"""for_all: prove an inequality at every point of a parameter box by subdividing the box."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq

from isoloss.checker.flint_precision import precision
from isoloss.dynamics.stop_rule import LastStep
from isoloss.proof.certificates import Certificate, Verdict, certificate
from isoloss.proof.exact_problem import exact
from isoloss.proof.statement import Box, Statement

__all__ = ["for_all", "leaves"]


def for_all(
    box: Mapping[str, tuple[Any, Any]],
    claim: str,
    *,
    train: Sequence[Any] | None = None,
    test: Sequence[Any] | None = None,
    start_squared: Sequence[Any] | None = None,
    noise: Any = 0,
    level: Any = ...,
    schedules: Mapping[str, str] | str | None = None,
    last_step: LastStep = "exact",
    bits: int = 64,
    max_boxes: int = 20_000,
    progress: bool = True,
) -> Certificate:
    """Prove an inequality for all parameters in a box, or find where it fails.

    The claim is evaluated in interval arithmetic on the whole box. A box that does not decide the
    claim is cut in two; the widest boxes come first.

    Parameters
    ----------
    box : mapping of str to (low, high)
        The parameters and their closed ranges, exact as in `ExactProblem`.
    claim : str
        A claim as in `certify` that may also use the parameters; without a problem, only these.
    train, test, start_squared : sequence of str or number, optional
        A problem whose curvatures and squared start residuals are expressions of the parameters.
        Interval arithmetic ignores dependence: scale γ₁ to a number, such as 1.
    noise, level : str or number, optional
        The label noise, and the train loss to stop at. A problem needs a level; None trains to
        the end.
    schedules : str, or mapping of str to str, optional
        Texts as in `certify`, whose rates may also be expressions. As there, a schedule that the
        claim mentions must reach the level.
    last_step : ``"exact"`` or ``"whole"``
        What becomes of the step that reaches the level, as in `certify`.
    bits : int, default: 64
        The working precision; single points are evaluated with up to 4096 bits.
    max_boxes : int, default: 20000
        How many boxes to examine before giving up.
    progress : bool, default: True
        Whether to show a bar on a terminal.

    Returns
    -------
    Certificate
        ``"proved"``; ``"disproved"``, with a point where the claim fails; or ``"undecided"``, with
        the boxes left open (`leaves`).

    Raises
    ------
    TypeError
        If an argument that must be a text is not one.
    ValueError
        If a range is empty, or an expression cannot be read.

    Examples
    --------
    >>> for_all({"x": (0, 1)}, "x * (1 - x) <= 1/4 + 1/1000").boxes
    64
    >>> for_all({"x": (0, 1)}, "x * (1 - x) <= 1/5")
    Certificate(disproved: x * (1 - x) <= 1/5 (it fails at x = 1/2))

    Gradient flow has the larger test loss for every spectrum of a family:

    >>> for_all(
    ...     {"g": ("1/10", "9/10")},
    ...     "flow.test_loss > annealed.test_loss",
    ...     train=["1", "g"],
    ...     test=["1", "1"],
    ...     start_squared=["1", "1"],
    ...     level="1/10",
    ...     schedules={"flow": "flow", "annealed": "gd(1, 20) > flow"},
    ... ).verdict
    'proved'
    """
    statement = Statement.read(
        box, claim, train, test, start_squared, noise, level, schedules, last_step
    )
    if operator.index(max_boxes) < 1:
        raise ValueError(f"max_boxes must be at least 1; got {max_boxes!r}")
    if not 32 <= operator.index(bits) <= 2**13:
        raise ValueError(f"bits must be from 32 to {2**13}; got {bits!r}")
    root, done, most_bits, point = _search(statement, bits, max_boxes, progress)
    left = root.tree().count("?")
    verdict: Verdict = "undecided" if left else "proved"
    reason = f"{left} boxes are left over after {done} were looked at" if left else ""
    if point is not None:
        verdict = "disproved"
        with precision(most_bits):
            shown = statement.shown(point)
        at = ", ".join(f"{name} = {value}" for name, value in zip(box, point, strict=True))
        reason = f"it fails at {at}{':' * bool(shown)} {shown}".rstrip() if at else shown
    return certificate(
        "for_all",
        box={n: [str(e) for e in ends] for n, ends in zip(box, statement.box, strict=True)},
        claim=statement.claim.text,
        family=statement.texts,
        verdict=verdict,
        reason=reason,
        precision=most_bits,
        tree=root.tree() if point is None else "",
        counterexample=None if point is None else [str(value) for value in point],
    )


def _search(
    statement: Statement, bits: int, most: int, progress: bool
) -> tuple[_Node, int, int, list[fmpq] | None]:
    """Cut the box until the claim is proved everywhere, or fails at a point.

    Returns the tree of boxes, how many were examined, the most bits used, and the point.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    shown = progress and console.is_terminal
    root, done, most_bits = _Node(statement.box), 0, bits
    waiting = deque([root])  # the widest first, so that a false claim fails early
    with precision(bits), Progress(console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=most)
        while waiting and done < most:
            node = waiting.popleft()
            done += 1
            described = f"{done} boxes done, {len(waiting)} waiting"
            bar.update(task, completed=done, description=described)
            if statement.holds(node.box):
                node.mark = "."
                continue
            middle = [(low + high) / 2 for low, high in node.box]
            truth, needed = statement.at(middle)
            if truth is False:
                return root, done, max(most_bits, needed), middle
            halves = node.cut(statement.box)
            if truth and not halves:  # a single point, decided with more bits
                node.mark, most_bits = ".", max(most_bits, needed)
            waiting.extend(halves)
    return root, done, most_bits, None


@dataclass
class _Node:
    """A box and its mark: "." (proved), "?" (open), or the letter of the axis it was cut along."""

    box: Box
    mark: str = "?"
    halves: list[_Node] = field(default_factory=list)

    def cut(self, whole: Box) -> list[_Node]:
        """Cut in two along the axis that is widest relative to the whole box."""
        shares = [
            (high - low) / (right - left) if right > left else fmpq(0)
            for (low, high), (left, right) in zip(self.box, whole, strict=True)
        ]
        if not shares or max(shares) == 0:
            return []  # a point stays open
        axis = shares.index(max(shares))
        self.halves = [_Node(half) for half in _halves(self.box, axis)]
        self.mark = chr(ord("a") + axis)
        return self.halves

    def tree(self) -> str:
        """Return the marks in preorder: each axis before its two halves."""
        marks, nodes = [], [self]
        while nodes:
            node = nodes.pop()
            marks.append(node.mark)
            nodes += reversed(node.halves)
        return "".join(marks)


def leaves(proof: Certificate) -> Iterator[tuple[str, Box]]:
    """Yield the boxes of a `for_all`, each with ``"."`` if it is proved or ``"?"`` if it is open.

    Parameters
    ----------
    proof : Certificate
        A proved or undecided certificate; a disproved one has no boxes.
    """
    box = tuple(
        (exact("low", low), exact("high", high)) for low, high in proof.content["box"].values()
    )
    nodes: list[Box] = [box]
    for mark in proof.content["tree"]:
        box = nodes.pop()
        if mark in ".?":
            yield mark, box
            continue
        nodes += reversed(_halves(box, ord(mark) - ord("a")))


def _halves(box: Box, axis: int) -> list[Box]:
    low, high = box[axis]
    middle = (low + high) / 2
    return [(*box[:axis], part, *box[axis + 1 :]) for part in ((low, middle), (middle, high))]
