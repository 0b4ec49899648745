"""Files that a command writes: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = [
    "OutputError",
    "check_file",
    "check_folder",
    "prepare_folder",
    "write_bytes",
    "write_text",
]

_MARKER = ".isoloss"


class OutputError(Exception):
    """A folder or file that cannot be written, said in one line."""


def prepare_folder(out: Path, *, force: bool = False) -> Path:
    """Make the folder ``out`` ready for results.

    A new or empty folder is marked as made by isoloss; such a folder may be written again. Any
    other folder with something in it is refused unless ``force``; what is in it then stays beside
    the results.

    Parameters
    ----------
    out : Path
        The folder; missing parents are made.
    force : bool, default: False
        Write into a folder that isoloss did not make.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder is refused, is a file, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = prepare_folder(Path(tempfile.mkdtemp()) / "results")
    >>> prepare_folder(folder) == folder
    True
    """
    check_folder(out, force=force)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror or error}") from None
    write_text(out / _MARKER, "Results of isoloss; the next run may replace them.\n")
    return out


def check_folder(out: Path, *, force: bool = False) -> None:
    """Refuse what `prepare_folder` would refuse, before any work and without touching anything.

    Parameters
    ----------
    out : Path
        The folder.
    force : bool, default: False
        Accept a folder that isoloss did not make.

    Raises
    ------
    OutputError
        If the folder holds files that isoloss did not make, is a file, or cannot be read.
    """
    try:
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is a file; choose another --out")
        if out.is_dir() and any(out.iterdir()) and not (out / _MARKER).exists() and not force:
            raise OutputError(
                f"{out} holds files that isoloss did not make; "
                "choose another --out, or write into it with --force"
            )
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror or error}") from None


def check_file(path: Path, *, force: bool = False) -> None:
    """Refuse a file that exists (unless ``force``) or whose folder does not, before any work.

    Parameters
    ----------
    path : Path
        The file.
    force : bool, default: False
        Accept a file that is there.

    Raises
    ------
    OutputError
        If it is refused.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise OutputError(f"{path} exists; choose another name, or write over it with --force")
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent} to write {path.name} into")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all (`write_bytes`).

    Parameters
    ----------
    path : Path
        The file.
    text : str
        What it will hold.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary file beside it, then renamed.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it will hold.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
