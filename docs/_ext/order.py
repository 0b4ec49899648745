"""The order of the gallery: what a newcomer looks at first comes first."""

from __future__ import annotations

from pathlib import Path

__all__ = ["GalleryOrder"]

_FIRST = (
    *("figure1", "explorer", "losses", "filters", "curves", "forecast"),
    *("study_phase", "study_gap", "design"),
)


class GalleryOrder:
    """The key of a page: its place in the list, or behind it."""

    def __init__(self, folder: str) -> None:
        del folder

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return the key of a file."""
        name = Path(filename).stem.removeprefix("plot_")
        return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name
