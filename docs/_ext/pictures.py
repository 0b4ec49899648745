"""Pages show the pictures that this build has made, not the copies kept for the README."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

__all__ = ["setup"]


def _replace(app: Sphinx, document: str, source: list[str]) -> None:
    """Let a page's ``images/x.png`` be the gallery's picture of the same thing."""

    def built(found: re.Match[str]) -> str:
        if found[1] not in app.config.pictures:
            raise ExtensionError(f"{document} shows {found[0]}, which no gallery page makes")
        name = app.config.pictures[found[1]]
        return f"/auto_gallery/images/sphx_glr_{name}.png"

    source[0] = re.sub(r"(?<=\]\()(?:\.\./)*images/([\w.-]+)", built, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the value and the event."""
    app.add_config_value("pictures", {}, "env", types=[dict])
    app.connect("source-read", _replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
