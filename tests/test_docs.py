"""The documentation: every public name is in the reference and told in full; the site's own tools.

The site is built and checked by .ci/run, where these tests run once more with the docs extra.
"""

import dataclasses
import inspect
import pkgutil
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpydoc", reason="needs the docs extra")
pytest.importorskip("sphinx", reason="needs the docs extra")

DOCS = Path(__file__).parents[1] / "docs"
sys.path[:0] = [str(DOCS), str(DOCS / "_ext")]

# found on the path that is set above
import check_site
import commands
import docstrings
import mathml
import public
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

NAMES = public.names()
# No docstring, no summary; parameters missing, unknown, in another order, or without a space before
# their colon; a summary of several lines.
CODES = {"GL08", "SS01", "SS06", "PR01", "PR02", "PR03", "PR10"}


def found(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(pkgutil.resolve_name(module), name)


def test_the_reference_has_each_public_name_once() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.rst")]
    listed = re.findall(r"^   (isoloss\.\S+)$", "\n".join(pages), re.MULTILINE)
    described = re.findall(r"^\.\. py:data:: (\S+)$", "\n".join(pages), re.MULTILINE)
    assert sorted(listed) == sorted(NAMES)
    assert sorted(described) == sorted(public.CONSTANTS)


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_agree_with_signatures(name: str) -> None:
    for path in (name, *public.members(name)):
        codes = CODES - {"PR01"} if inspect.isclass(found(name)) and path == name else CODES
        wrong = [text for code, text in validate(path)["errors"] if code in codes]
        assert not wrong, f"{path}: {wrong}"


@pytest.mark.parametrize("name", [name for name in NAMES if dataclasses.is_dataclass(found(name))])
def test_classes_tell_what_their_fields_are(name: str) -> None:
    # A value that functions return has attributes, one that users make has parameters.
    cls = found(name)
    text = ClassDoc(cls)
    told = {entry.name for part in ("Parameters", "Attributes") for entry in text[part]}
    told = {word.strip("* ") for names in told for word in names.split(",")}
    told |= set(commented(cls)) | {path.rpartition(".")[2] for path in public.members(name)}
    fields = [f.name for f in dataclasses.fields(cls) if f.name[0] != "_"]
    untold = sorted(set(fields) - told)
    assert not untold, f"{name} does not tell what {untold} are"


def commented(cls: type) -> list[str]:
    """Return the fields that have a text of their own below them."""
    public_paths = ("isoloss.estimators", "isoloss.schedules")  # inspect would look there in vain
    ours = [c for c in cls.__mro__ if c.__module__.startswith("isoloss")]
    sources = [inspect.getsource(c) for c in ours if c.__module__ not in public_paths]
    return re.findall(r'^    (\w+): .*\n    """', "\n".join(sources), re.MULTILINE)


def test_each_command_and_option_is_described() -> None:
    import typer

    from isoloss.cli import app

    text = commands.described()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]  # a group
        assert f"\nisoloss {name}\n" in f"\n{text}"
        for option in command.params:
            shown = option.opts[0] if option.opts[0].startswith("-") else option.metavar
            assert f"``{shown or option.name}" in text, f"isoloss {name} {option.opts}"


def test_every_picture_of_a_page_is_made_by_the_build() -> None:
    pictures = runpy.run_path(str(DOCS / "conf.py"))["pictures"]
    pages = [path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")]
    shown = set(re.findall(r"\]\((?:\.\./)*images/([\w.-]+)\)", "\n".join(pages)))
    assert shown <= set(pictures)
    for name in pictures.values():
        assert (DOCS / "gallery" / f"{name.removesuffix('_001')}.py").exists()


def test_bars_and_stars_of_docstrings_are_text() -> None:
    lines = ["log |h|, shape (*batch, *levels, r), ``a | b``", "", ">>> print('|', *batch)", "|"]
    assert list(docstrings.escaped(lines)) == [
        r"log \|h\|, shape (\*batch, \*levels, r), ``a | b``",
        *lines[1:],
    ]


def test_formulas_become_mathml() -> None:
    text = mathml.as_mathml(r"h(\gamma) = \prod_t (1 - 2\eta_t\gamma)", "block")
    assert text.startswith("<math")
    assert "&#x003B3;" in text or "γ" in text


def site(folder: Path, body: str) -> list[str]:
    (folder / "index.html").write_text(f"<html><body id='top'>{body}</body></html>", "utf-8")
    (folder / "other.html").write_text("<p id='here'><a href='index.html#top'>up</a>", "utf-8")
    return list(check_site.problems(folder))


@pytest.mark.parametrize(
    "body",
    [
        "<a href='other.html#here'>a</a><a href='#top'>b</a><img src='data:image/png;base64,'>",
        "<a href='https://arxiv.org/abs/2005.07360'>outside</a>",
        "<link rel='canonical' href='https://example.org/'>",
    ],
)
def test_a_sound_site_passes(tmp_path: Path, body: str) -> None:
    assert site(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<a href='gone.html'>a</a>", "leads to no file"),
        ("<img src='gone.png'>", "leads to no file"),
        ("<a href='other.html#gone'>a</a>", "leads to no anchor"),
        ("<a href='#gone'>a</a>", "leads to no anchor"),
        ("<a href='../../etc/passwd'>a</a>", "leads out of the site"),
        ("<a href='http://example.org'>a</a>", "no https address"),
        ("<script src='https://cdn.example.org/x.js'></script>", "from elsewhere"),
        ("<link rel='stylesheet' href='//fonts.example.org/x.css'>", "from elsewhere"),
        ("<img srcset='https://example.org/x.png 2x' src='other.html'>", "from elsewhere"),
        ("<p style=\"background: url('https://example.org/x.png')\">", "from elsewhere"),
    ],
)
def test_faults_of_a_site_are_found(tmp_path: Path, body: str, message: str) -> None:
    assert any(message in fault for fault in site(tmp_path, body))


def test_fonts_from_elsewhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("@font-face { src: url(https://example.org/x.woff2) }", "utf-8")
    assert "x.css: loads 'https://example.org/x.woff2' from elsewhere" in site(tmp_path, "")
