"""A picture of a proof over two parameters: its proved boxes and those left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.proof.boxes import leaves
from isoloss.proof.certificates import Certificate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_boxes"]


def draw_boxes(proof: Certificate, ax: Axes | None = None) -> Axes:
    """Draw the boxes of a `for_all` over two parameters.

    Parameters
    ----------
    proof : Certificate
        A proved or undecided certificate; a disproved one has a point instead of boxes.
    ax : matplotlib Axes, optional
        The axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: proved boxes are outlined in blue, those left over hatched in orange.

    Raises
    ------
    ValueError
        If the certificate is not about a box of two parameters.

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
    handles = []  # the edge colours are from the Okabe-Ito palette
    for mark, label, face, edge, hatch in (
        (".", "proved", "#d6e6f2", "#0072b2", None),
        ("?", "left over", "#fbe3b5", "#e69f00", "////"),
    ):
        style: dict[str, Any] = {"facecolor": face, "edgecolor": edge, "linewidth": 0.6}
        if boxes[mark]:
            ax.add_collection(PatchCollection(boxes[mark], hatch=hatch, **style))
            handles.append(Patch(label=f"{label} ({len(boxes[mark])})", hatch=hatch, **style))
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    ax.autoscale_view()
    ax.margins(0)
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax
