"""Decompress text files, and convert them to UTF-8 whatever their encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TextFile", "check_local", "decode", "read_text_file", "unpacked"]

_GZIP = b"\x1f\x8b"
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_MARKS = (  # UTF-32 before UTF-16, whose mark is the beginning of UTF-32's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (_GZIP, "a file compressed by gzip"),
    (b"PK\x03\x04", "a ZIP archive, as .npz and .xlsx files are"),
    (b"PAR1", "a Parquet file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xd0\xcf\x11\xe0", "an Excel file"),
    (b"BZh", "a file compressed by bzip2"),
    (b"\xfd7zXZ", "a file compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by Zstandard"),
    (b"%PDF", "a PDF file"),
    (b"\x93NUMPY", "a NumPy .npy file"),
)
_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class TextFile:
    """A text as UTF-8, without byte-order mark, and notes on how it was decoded."""

    raw: bytes
    notes: tuple[str, ...] = ()


def check_local(given: object) -> None:
    """Raise ``ValueError`` for a URL, since isoloss reads only local files.

    Examples
    --------
    >>> check_local("https://example.org/houses.csv")
    Traceback (most recent call last):
    ValueError: 'https://example.org/houses.csv' is a URL, and isoloss reads only local \
files; download it, and give the file
    """
    if _URL.match(str(given)):
        raise ValueError(
            f"'{given}' is a URL, and isoloss reads only local files; download it, and give the "
            "file"
        )


def read_text_file(path: Path, most_bytes: int | None = None) -> TextFile:
    """Read a text file, and decompress it if its name ends in ``.gz``.

    Raises ``OSError`` if it cannot be read, and ``ValueError`` if it is not text or exceeds
    ``most_bytes`` when decompressed.
    """
    with path.open("rb") as file:
        raw = file.read()
    if path.suffix.lower() == ".gz":
        raw = unpacked(raw, str(path), most_bytes)
    return decode(raw, str(path))


def unpacked(raw: bytes, name: str, most_bytes: int | None = None) -> bytes:
    """Decompress gzip bytes, to at most ``most_bytes``."""
    limit = -1 if most_bytes is None else most_bytes + 1
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            found = file.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"cannot decompress '{name}': {error}") from None
    if most_bytes is not None and len(found) > most_bytes:
        raise ValueError(f"'{name}' has more than {most_bytes / 2**20:.0f} MiB when decompressed")
    return found


def decode(raw: bytes, name: str) -> TextFile:
    """Return a text as UTF-8; raise ``ValueError`` if the bytes are not text.

    The encoding is recognised by its byte-order mark. A text without a mark is read as UTF-8 or,
    failing that, as Windows-1252, which includes Latin-1; a note says that this is a guess.
    """
    notes: tuple[str, ...] = ()
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            try:
                raw = raw.decode(encoding).removeprefix("\ufeff").encode()
            except UnicodeError:
                kind = encoding.upper()
                raise ValueError(
                    f"'{name}' is not a text file: it begins with the byte-order mark of {kind}, "
                    f"but is not valid {kind}"
                ) from None
            break
    else:
        _check_kind(raw, name)
        if not raw.isascii():
            raw, notes = _unmarked(raw, name)
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise ValueError(
            f"'{name}' is not a text file: line {line} has a NUL character (UTF-16 needs a "
            "byte-order mark)"
        )
    return TextFile(raw, notes)


def _check_kind(raw: bytes, name: str) -> None:
    for start, kind in _OTHERS:
        if raw.startswith(start):
            raise ValueError(f"'{name}' is not a text file: its content is {kind}")
    if _PAGE.match(raw):
        raise ValueError(f"'{name}' is not a table: its content is a web page, or XML")
    if raw.startswith(_POINTER):
        raise ValueError(f"'{name}' is a pointer of Git LFS; fetch the file with: git lfs pull")


def _unmarked(raw: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        where = f"byte 0x{raw[error.start]:02x} in line {raw[: error.start].count(10) + 1}"
    else:
        return raw, ()
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        raise ValueError(
            f"'{name}' is not a text file in UTF-8 ({where}), nor in Latin-1 or Windows-1252; "
            "convert it to UTF-8"
        ) from None
    return text.encode(), (
        f"{Path(name).name} is not UTF-8 ({where}): it was read as Windows-1252 (Latin-1).",
    )
