"""Reports are one file, with formulas and figures inside, and nothing unescaped."""

import re
from html.parser import HTMLParser
from pathlib import Path

from matplotlib.figure import Figure

from isoloss.reports.page import HtmlTable, Picture, Section, render_report, write_report
from isoloss.reports.plotting import render, save, style


def drawing() -> Figure:
    with style():
        figure = Figure()
        figure.subplots().plot([0, 1], [1, 0], label="x")
    return figure


def test_a_report_needs_no_other_file(tmp_path: Path) -> None:
    parts = [
        "a < b and $x^2$",
        HtmlTable(["n"], [["<1>"], ["2"]], marks=["good", ""]),
        Picture(drawing(), "c"),
    ]
    write_report(tmp_path / "r.html", "T & co", [Section("S", parts), Section("T", parts)])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    HTMLParser().feed(page)
    assert "T &amp; co" in page
    assert "a &lt; b and <math" in page
    assert "&lt;1&gt;" in page
    assert page.count("<svg") == 2
    assert not re.search(r'(src|href)="(?!#)(?!data:)', page.replace("xmlns:xlink", ""))
    assert 'class="good"' in page


def test_the_same_report_is_the_same_bytes() -> None:
    pages = {render_report("T", [Section("S", [Picture(drawing(), "c")])]) for _ in range(2)}
    assert len(pages) == 1


def test_figures_are_saved_in_every_kind(tmp_path: Path) -> None:
    paths = save(drawing(), tmp_path, "f", ("png", "pdf", "svg"))
    starts = [path.read_bytes()[:4] for path in paths]
    assert starts == [b"\x89PNG", b"%PDF", b"<?xm"]
    assert render(drawing(), "pdf") == render(drawing(), "pdf")


def test_a_figure_that_is_rendered_already_is_not_drawn_again() -> None:
    figure, other = Figure(), Figure()
    sections = [Section("s", [Picture(figure, "one"), Picture(other, "two")])]
    page = render_report("t", sections, svgs={figure: b"<?xml?><svg><g id='mine'/></svg>"})
    assert page.count("<g id='mine'/>") == 1
    assert page.count("<svg") == 2
    drawn = {each: render(each, "svg") for each in (figure, other)}
    assert render_report("t", sections, svgs=drawn) == render_report("t", sections)
