"""Files that a command writes: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "LOCK",
    "OutputError",
    "check_file",
    "check_folder",
    "claimed",
    "locked",
    "prepare_folder",
    "sync",
    "write_bytes",
    "write_text",
]

_MARKER = ".isoloss"
LOCK = ".isoloss.lock"
"""The lock file of a folder, which exists as long as a run holds the folder."""


class OutputError(Exception):
    """A folder or file that cannot be written, said in one line."""


@contextlib.contextmanager
def claimed(out: Path | None, *, force: bool = False) -> Iterator[None]:
    """Keep other runs out of the folder ``out`` until this run has written its results.

    The claim ends with the process, however that ends. Folders made for it are removed again if
    nothing has been written into them.

    Parameters
    ----------
    out : Path or None
        The folder; missing parents are made. None claims nothing.
    force : bool, default: False
        As for `check_folder`.

    Raises
    ------
    OutputError
        If another run holds the folder, or `check_folder` refuses it, or it cannot be written.
    """
    if out is None:
        yield
        return
    check_folder(out, force=force)
    with locked(out):
        yield


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Claim a folder as `claimed` does, whatever it holds.

    Parameters
    ----------
    out : Path
        The folder; missing parents are made.

    Raises
    ------
    OutputError
        If another run holds the folder, or it cannot be written.
    """
    from filelock import FileLock, Timeout

    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    lock = FileLock(out / LOCK, timeout=0)
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            made = []
            raise OutputError(
                f"another run of isoloss is writing to {out}; wait until it ends, or choose "
                "another "
                "folder"
            ) from None
        except OSError as error:
            raise OutputError(f"cannot write to {out}: {error.strerror or error}") from None
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):  # Windows removes it when it is free
                (out / LOCK).unlink()
            lock.release()
        with contextlib.suppress(OSError):  # something has been written, or cannot be removed
            for folder in made:
                folder.rmdir()


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
        others = out.is_dir() and any(path.name != LOCK for path in out.iterdir())
        if others and not (out / _MARKER).exists() and not force:
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
        raise OutputError(_exists(path))
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent} to write {path.name} into")


def write_text(path: Path, text: str, *, new: bool = False) -> None:
    """Write a UTF-8 file whole or not at all (`write_bytes`).

    Parameters
    ----------
    path : Path
        The file.
    text : str
        What it will hold.
    new : bool, default: False
        As for `write_bytes`.
    """
    write_bytes(path, text.encode(), new=new)


def write_bytes(path: Path, content: bytes, *, new: bool = False) -> None:
    """Write a file whole or not at all: to a temporary file beside it, then renamed.

    The content is synced to disk before the file is renamed, so that even a sudden loss of power
    leaves either the old file or the new one.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it will hold.
    new : bool, default: False
        Refuse to overwrite a file: another run may have written it since `check_file`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # "x" makes a new file with the rights that the user's umask leaves
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not (new and _linked(temporary, path)):
            temporary.replace(path)
        sync(path.parent)
    except FileExistsError:
        raise OutputError(_exists(path)) from None
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):  # it has its name, or was never made
            temporary.unlink()


def _linked(temporary: Path, path: Path) -> bool:
    """Rename a file unless the name is taken; return whether this was possible."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        return False
    return True


def _exists(path: Path) -> str:
    return f"{path} exists; choose another name, or overwrite it with --force"


def sync(path: Path) -> None:
    """Sync a file, or a folder's directory entries, to disk.

    Parameters
    ----------
    path : Path
        The file or folder. Windows cannot sync folders, so they are skipped there.
    """
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
