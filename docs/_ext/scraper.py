"""Figures that pyplot does not manage, as isoloss returns them, for the gallery."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

__all__ = ["unmanaged_figures"]


def unmanaged_figures(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Save the figures that this block of an example has put into variables of its own."""
    del block
    paths = []
    for value in list(variables["example_globals"].values()):
        if not isinstance(value, Figure) or value.get_gid() == "seen":
            continue
        value.set_gid("seen")  # a later block must not show it again
        if value.canvas.manager is None:
            path = next(variables["image_path_iterator"])
            value.savefig(path, dpi=150)
            paths.append(path)
    return figure_rst(paths, conf["src_dir"])


def _get_sg_image_scraper() -> Any:  # what the gallery asks a scraper's module for
    return unmanaged_figures
