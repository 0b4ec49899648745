"""A picture of a proof over two parameters: the boxes proved, and those left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.proof.boxes import leaves
from isoloss.proof.certificates import Certificate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_boxes"]

_PROVED, _OPEN = "#0072b2", "#e69f00"  # of the Okabe-Ito palette


def draw_boxes(proof: Certificate, ax: Axes | None = None) -> Axes:
    """Draw the boxes of a `for_all` over two parameters.

    Parameters
    ----------
    proof : Certificate
        Proved or undecided; a disproved one has no boxes, but a point.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes
        Proved boxes outlined in blue; those left over in hatched orange.

    Raises
    ------
    ValueError
        If the certificate is not of a box of two parameters.

    Examples
    --------
    >>> from isoloss.proof import for_all
    >>> proof = for_all({"x": (0, 1), "y": (0, 1)}, "x * y <= (x**2 + y**2) / 2", max_boxes=200)
    >>> draw_boxes(proof).get_xlabel()
    'x'
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    names = list(proof.content.get("box", ()))
    if len(names) != 2 or not proof.content["tree"]:
        raise ValueError(
            "only the boxes of a for_all over two parameters can be drawn; this certificate has "
            f"{len(names)} parameter(s) and {proof.boxes} boxes"
        )
    if ax is None:
        ax = plt.figure(figsize=(4.8, 4.4), layout="constrained").subplots()
    boxes: dict[str, list[Rectangle]] = {".": [], "?": []}
    for mark, ((left, right), (low, high)) in leaves(proof):
        corner, width, height = (float(left), float(low)), float(right - left), float(high - low)
        boxes[mark].append(Rectangle(corner, width, height))
    styles: dict[str, dict[str, Any]] = {
        ".": {"facecolor": "#d6e6f2", "edgecolor": _PROVED, "linewidth": 0.6},
        "?": {"facecolor": "#fbe3b5", "edgecolor": _OPEN, "linewidth": 0.6, "hatch": "////"},
    }
    labels = {".": "proved", "?": "left over"}
    for mark, rectangles in boxes.items():
        if rectangles:
            ax.add_collection(PatchCollection(rectangles, **styles[mark]))
    handles = [
        Patch(label=f"{labels[mark]} ({len(boxes[mark])})", **styles[mark])
        for mark in boxes
        if boxes[mark]
    ]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    ax.autoscale_view()
    ax.margins(0)
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax
