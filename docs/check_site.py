"""Check a built site: python docs/check_site.py SITE.

Each link inside leads to a page and an anchor that are there, nothing is loaded from elsewhere, and
each public name has its place in the reference. Prints what is wrong; the exit status is 1 then.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["problems"]

# What a browser fetches by itself, unlike a link that a reader follows.
_LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "input": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
_NOT_LOADED = {"canonical", "author", "license", "next", "prev", "search", "index"}


class _Page(HTMLParser):
    """The anchors, links and loaded files of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag names, links to or loads."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in _LOADED and _LOADED[tag] in given:
            relations = set(given.get("rel", "").split())
            if not (tag == "link" and relations <= _NOT_LOADED and relations):
                self.loaded.append(given[_LOADED[tag]])
        for candidate in given.get("srcset", "").split(","):
            self.loaded += candidate.split()[:1]
        self.loaded += _in_css(given.get("style", ""))


def _in_css(text: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    quoted = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text)
    return ["".join(found).strip() for found in quoted]


@cache
def _page(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def _target(site: Path, page: Path, link: str) -> str | None:
    """Say what is wrong with a link; of an external one, its form alone is looked at."""
    parts = urlsplit(link)
    if parts.scheme in ("data", "mailto"):
        return None
    if parts.scheme or parts.netloc:
        formed = parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
        return None if formed else "no https address"
    path = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    path = path / "index.html" if path.is_dir() else path
    if not path.is_relative_to(site):
        return "leads out of the site"
    if not path.is_file():
        return "leads to no file"
    anchor = unquote(parts.fragment)
    if anchor and path.suffix == ".html" and anchor not in _page(path).anchors:
        return "leads to no anchor"
    return None


def _external(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with links and loaded files."""
    site = site.resolve()
    # the theme leaves a template among its scripts
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    if not pages:
        yield f"{site}: no pages"
    for path in pages:
        page, shown = _page(path), path.relative_to(site)
        for link in dict.fromkeys([*page.links, *page.loaded]):
            if wrong := _target(site, path, link):
                yield f"{shown}: {link!r} {wrong}"
        for link in page.loaded:
            if _external(link):
                yield f"{shown}: loads {link!r} from elsewhere"
    for path in sorted(site.rglob("*.css")):
        for link in _in_css(path.read_text(encoding="utf-8")):
            if _external(link):
                yield f"{path.relative_to(site)}: loads {link!r} from elsewhere"


def missing_names(site: Path) -> Iterator[str]:
    """Yield the public names and members without a place in the reference."""
    from sphinx.util.inventory import InventoryFile

    sys.path.insert(0, str(Path(__file__).parent / "_ext"))
    import public

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: base + path)
    there = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    wanted = [path for name in public.names() for path in (name, *public.members(name))]
    for name in [*wanted, *public.CONSTANTS]:
        if name not in there:
            yield f"{name}: not in the reference"


def main() -> int:
    """Print what is wrong."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    site = Path(sys.argv[1])
    wrong = [*problems(site), *missing_names(site)]
    print("\n".join(wrong) or "All links, anchors and names are there, and nothing is fetched.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
