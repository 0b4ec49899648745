"""Write a command's files whole or not at all, and never over files that it did not make."""

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
    "write_bytes",
    "write_text",
]

_MARKER = ".isoloss"
LOCK = ".isoloss.lock"
"""The lock file of a folder, which exists as long as a run holds the folder."""


class OutputError(Exception):
    """A folder or file cannot be written; the message is one line."""


@contextlib.contextmanager
def claimed(out: Path | None, *, force: bool = False) -> Iterator[None]:
    """Check a folder with `check_folder`, and keep other runs out until results are written.

    If ``out`` is None, nothing is claimed.
    """
    if out is None:
        yield
        return
    check_folder(out, force=force)
    with locked(out):
        yield


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Claim a folder as `claimed` does, whatever it holds; create it if it does not exist.

    The claim ends with the process, however the process ends. Folders created for the claim are
    removed again if nothing has been written into them.
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
                "another folder"
            ) from None
        except OSError as error:
            raise _cannot_write(f"to {out}", error) from None
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):  # Windows removes it once it is closed
                (out / LOCK).unlink()
            lock.release()
        with contextlib.suppress(OSError):  # a folder is not empty, or cannot be removed
            for folder in made:
                folder.rmdir()


def prepare_folder(out: Path, *, force: bool = False) -> Path:
    """Make the folder ``out`` ready for results.

    A new or empty folder is marked as made by isoloss, so that a later run may write to it again.
    Any other non-empty folder is refused unless ``force`` is set; its files then stay beside the
    results.
    """
    check_folder(out, force=force)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(f"to {out}", error) from None
    write_text(out / _MARKER, "Results of isoloss; the next run may replace them.\n")
    return out


def check_folder(out: Path, *, force: bool = False) -> None:
    """Refuse any folder that `prepare_folder` would refuse, before any work is done."""
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
        raise _cannot_write(f"to {out}", error) from None


def check_file(path: Path, *, force: bool = False) -> None:
    """Refuse an existing file (unless ``force``) or a missing folder, before any work is done."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise _exists(path)
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent} to write {path.name} into")


def write_text(path: Path, text: str, *, new: bool = False) -> None:
    """Write a UTF-8 file as `write_bytes` does."""
    write_bytes(path, text.encode(), new=new)


def write_bytes(path: Path, content: bytes, *, new: bool = False) -> None:
    """Write a file whole or not at all, by renaming a temporary file beside it.

    The content is synced to disk before the file is renamed, so that even a sudden loss of power
    leaves either the old file or the new one. With ``new``, an existing file is not overwritten:
    another run may have written it since `check_file`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # "x" creates the file with the permissions of the user's umask
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not (new and _linked(temporary, path)):
            temporary.replace(path)
        _sync(path.parent)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise _cannot_write(str(path), error) from None
    finally:
        with contextlib.suppress(OSError):  # already renamed, or never created
            temporary.unlink()


def _linked(temporary: Path, path: Path) -> bool:
    """Link a file to a new name, which must be free; return whether the file system has links."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        return False
    return True


def _exists(path: Path) -> OutputError:
    return OutputError(f"{path} exists; choose another name, or overwrite it with --force")


def _cannot_write(what: str, error: OSError) -> OutputError:
    return OutputError(f"cannot write {what}: {error.strerror or error}")


def _sync(folder: Path) -> None:
    """Sync a folder's entries to disk, so that a renamed file survives a loss of power."""
    if os.name == "nt":
        return  # Windows cannot sync folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
