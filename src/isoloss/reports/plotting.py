"""Draw figures in the house style, and save them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from isoloss._files import write_bytes

__all__ = [
    "COLOURS",
    "MARKERS",
    "RIDGE",
    "SIZES",
    "WIDTHS",
    "look",
    "marks",
    "new_figure",
    "render",
    "save",
    "style",
]

# Okabe and Ito (2008): these are distinct for every kind of colour vision, and in grey
COLOURS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "pink": "#CC79A7",
    "sky": "#56B4E9",
    "amber": "#E69F00",
    "red": "#C0272D",
    "grey": "#555555",
}
MARKERS = "osD^vP*X"
RIDGE: dict[str, Any] = {"color": COLOURS["grey"], "linestyle": (0, (1, 1))}
"""How ridge regression is drawn in all figures."""
_LINES = [*(COLOURS[name] for name in ("blue", "orange", "green", "pink", "sky", "amber", "red"))]
_LINES.append("#000000")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)), ":")
SIZES = {  # inches
    "bands": (6.0, 4.6),
    "comparison": (7.2, 7.6),
    "explorer": (10.2, 5.8),
    "filters": (7.2, 3.6),
    "forecast": (7.2, 5.4),
    "match": (7.2, 6.0),
    "paper": (10.2, 2.75),
    "selection": (9.0, 4.6),
    "validation": (6.4, 4.2),
}
WIDTHS = (3.0, 20.0)
"""The least and the largest width of a figure in inches."""
_STYLE: Any = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "isoloss",
    "pdf.fonttype": 42,
}
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Use the house style inside this context, whatever the user's matplotlibrc says."""
    with matplotlib.style.context(_STYLE, after_reset=True):
        yield


def look(i: int) -> dict[str, Any]:
    """Return the colour and dashes of a line; the first forty lines all look different.

    Parameters
    ----------
    i : int
        The line's number, from 0.
    """
    return {"color": _LINES[i % len(_LINES)], "linestyle": _DASHES[i % len(_DASHES)]}


def marks(i: int) -> dict[str, Any]:
    """Return the colour and the marker of points on a line.

    Parameters
    ----------
    i : int
        The line's number, from 0.
    """
    mark = MARKERS[i % len(MARKERS)]
    return look(i) | {"linestyle": "none", "marker": mark, "markersize": 4}


def new_figure(kind: str, width: float | None = None) -> Figure:
    """Return an empty figure of the size for its kind.

    Parameters
    ----------
    kind : str
        A key of ``SIZES``.
    width : float, optional
        Another width in inches, within ``WIDTHS``. The height changes with its square root, since
        text keeps its size.

    Raises
    ------
    ValueError
        If the width is out of range.
    """
    usual, height = SIZES[kind]
    if width is None:
        width = usual
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        raise ValueError(
            f"a figure is from {WIDTHS[0]:g} to {WIDTHS[1]:g} inches wide; got {width!r}"
        )
    return Figure(figsize=(width, height * math.sqrt(width / usual)), layout="constrained")


def render(figure: Figure, kind: str) -> bytes:
    """Return the bytes of a figure's file, which are the same at every call.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    kind : ``"png"``, ``"pdf"`` or ``"svg"``
        The format.
    """
    buffer = io.BytesIO()
    with style():
        if figure.get_layout_engine() is not None:
            # savefig would lay the figure out twice for every format
            figure.draw_without_rendering()
            figure.set_layout_engine(None)
        figure.savefig(buffer, format=kind, dpi=200, metadata=_METADATA[kind])
    return buffer.getvalue()


def save(figure: Figure, folder: Path, name: str, kinds: Iterable[str]) -> list[Path]:
    """Save a figure as ``folder/name.kind`` for each kind, each whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    folder : Path
        An existing folder.
    name : str
        The files' name without its suffix.
    kinds : iterable of str
        Any of ``"png"``, ``"pdf"`` and ``"svg"``.
    """
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    for path in paths:
        write_bytes(path, render(figure, path.suffix[1:]))
    return paths
