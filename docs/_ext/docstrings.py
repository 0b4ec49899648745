"""Docstrings as they are written for readers of the source, made fit for reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

__all__ = ["escaped", "setup"]


def escaped(lines: list[str]) -> Iterator[str]:
    """Let |h| be a formula's bars, and the star of ``(*batch, d)`` begin no emphasis."""
    example = False
    for line in lines:
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if example:
            yield line
            continue
        parts = re.split(r"(``.+?``)", line)
        parts[::2] = [re.sub(r"\||(?<=[( ])\*(?=batch|levels)", r"\\\g<0>", p) for p in parts[::2]]
        yield "".join(parts)


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, obj, options
    lines[:] = escaped(lines)


def _signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Hide the constructors of values that functions return: nobody calls them."""
    del app, name, options
    if what == "class" and "Parameters\n" not in (obj.__doc__ or ""):
        return "", ""
    # an alias in a union is wrapped
    plain = [
        part and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", part)
        for part in (signature, returned)
    ]
    return plain[0], plain[1]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the events."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
