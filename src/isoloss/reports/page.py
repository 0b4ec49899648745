"""Tables, text and figures in one self-contained HTML file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import jinja2
import latex2mathml.converter
from markupsafe import Markup
from matplotlib.figure import Figure

from isoloss._files import write_text
from isoloss._version import __version__
from isoloss.reports.plotting import render

__all__ = ["HtmlTable", "Picture", "Section", "render_report", "write_report"]


@dataclass(frozen=True)
class HtmlTable:
    """Rows of cells; cells may hold ``$formulas$`` and ``[label](address)``.

    Attributes
    ----------
    header : sequence of str
        The columns' names.
    rows : sequence of sequences of str
        The cells.
    caption : str
        The text above the table.
    marks : sequence of str
        A class for each row: ``"good"``, ``"bad"`` or ``""``.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    marks: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A figure with its caption.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    caption : str
        The text below the figure, which is also its text alternative.
    """

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Section:
    """A heading with the content below it.

    Attributes
    ----------
    title : str
        The heading.
    parts : sequence of str, HtmlTable or Picture
        Paragraphs, which may hold ``$formulas$``, tables and pictures.
    """

    title: str
    parts: Sequence[str | HtmlTable | Picture] = field(default=())


_SQUARES = "Losses are mean squared errors with no factor ½."


def render_report(
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    losses: str = "",
    svgs: Mapping[Figure, bytes] | None = None,
) -> str:
    r"""Return a report as one HTML page that needs no other file.

    Parameters
    ----------
    title : str
        The heading of the page.
    sections : sequence of Section
        The sections, in order.
    lead : str, optional
        A paragraph below the heading.
    losses : str, optional
        A sentence on the losses, at the end of the page; by default, that they are mean squared
        errors with no factor ½.
    svgs : mapping of matplotlib.figure.Figure to bytes, optional
        SVG files of figures that are rendered already; the others are rendered here.

    Returns
    -------
    str
        HTML, with formulas between dollar signs as MathML and figures as inline SVG.

    Examples
    --------
    >>> page = render_report("Title", [Section("One", ["The rate $\\eta$."])])
    >>> "<h1>Title</h1>" in page and "<math" in page
    True
    """
    return _template().render(
        title=title,
        lead=_prose(lead),
        sections=[
            {"title": section.title, "parts": [_part(part, svgs or {}) for part in section.parts]}
            for section in sections
        ],
        version=__version__,
        losses=losses or _SQUARES,
    )


def write_report(
    path: Path,
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    losses: str = "",
    svgs: Mapping[Figure, bytes] | None = None,
) -> None:
    """Write `render_report` to a file, whole or not at all.

    Parameters
    ----------
    path : Path
        The HTML file.
    title, sections, lead, losses, svgs : object
        As for `render_report`.
    """
    write_text(path, render_report(title, sections, lead=lead, losses=losses, svgs=svgs))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("isoloss.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html")


def _part(part: str | HtmlTable | Picture, svgs: Mapping[Figure, bytes]) -> dict[str, object]:
    if isinstance(part, str):
        return {"kind": "text", "text": _prose(part)}
    if isinstance(part, Picture):
        svg = svgs.get(part.figure) or render(part.figure, "svg")
        return {"kind": "picture", "svg": _svg(svg), "caption": _prose(part.caption)}
    marks = list(part.marks) or [""] * len(part.rows)
    return {
        "kind": "table",
        "caption": _prose(part.caption),
        "header": [_prose(cell) for cell in part.header],
        "rows": [
            {"mark": mark, "cells": [_prose(cell) for cell in row]}
            for mark, row in zip(marks, part.rows, strict=True)
        ],
    }


def _prose(text: str) -> Markup:
    """Escape text, and turn ``$...$`` into MathML and ``[label](address)`` into a link."""
    pieces = re.split(r"\$([^$]+)\$", text)
    return Markup("").join(
        Markup(latex2mathml.converter.convert(piece)) if i % 2 else _linked(piece)
        for i, piece in enumerate(pieces)
    )


def _linked(text: str) -> Markup:
    link = Markup('<a href="{}">{}</a>')
    label_first = iter(re.split(r"\[([^\]]+)\]\(([\w./-]+)\)", text))
    found = Markup.escape(next(label_first))
    for label, address, after in zip(label_first, label_first, label_first, strict=True):
        found += link.format(address, label) + Markup.escape(after)
    return found


def _svg(svg: bytes) -> Markup:
    """Return the SVG element of a file, with ids that are unique on the page."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    prefix = f"f{zlib.crc32(text.encode()):08x}-"
    for pattern in (r'(id=")', r"(url\(#)", r'(href="#)'):
        text = re.sub(pattern, rf"\g<1>{prefix}", text)
    return Markup(text)
