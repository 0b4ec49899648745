"""Formulas as MathML in the page itself, so that none needs a script or the network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

__all__ = ["as_mathml", "setup"]


def as_mathml(text: str, display: str) -> str:
    """Return a formula in TeX as MathML; ``display`` is ``"inline"`` or ``"block"``."""
    try:
        # Empty lines and comments end a formula in TeX, too.
        return convert(re.sub(r"\s*\n\s*", " ", text.strip()), display=display)
    except Exception as error:
        raise ExtensionError(f"the formula {text!r} cannot be set: {error}") from error


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(as_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _display(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(as_mathml(node.astext(), "block"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({node["number"]})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make ``html_math_renderer = "mathml"`` known."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
