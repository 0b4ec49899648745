"""Results of sweeps in NetCDF or Zarr: written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss._files import OutputError, sync
from isoloss._messages.near_misses import no_file

if TYPE_CHECKING:
    import xarray

__all__ = ["load", "save"]

_OF_ZARR = (".zgroup", "zarr.json")
_KINDS = {".nc": "NetCDF", ".zarr": "Zarr"}


def save(dataset: xarray.Dataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the result of a sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        What `sweep` returned.
    path : path
        A file that ends in .nc, for NetCDF, or a folder that ends in .zarr.
    overwrite : bool, default: False
        Whether to replace what is there.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    FileExistsError
        If there is something, and ``overwrite`` is not set.
    OutputError
        If it cannot be written; nothing is then left of it.
    """
    path = Path(path)
    _kind(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"'{path}' exists; choose another name, or set overwrite=True")
    if path.exists() and path.is_dir() != (path.suffix == ".zarr"):
        raise OutputError(f"'{path}' is no {_kind(path)} result; it stays as it is")
    if path.is_dir() and not any((path / name).exists() for name in _OF_ZARR):
        raise OutputError(f"'{path}' is a folder of other files; it stays as it is")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".isoloss-") as folder:
            draft = Path(folder) / path.name
            if path.suffix == ".nc":
                # in memory first: HDF5 does not bear a full disk
                draft.write_bytes(bytes(dataset.to_netcdf(engine="h5netcdf")))
            else:
                dataset.to_zarr(draft, consolidated=False, zarr_format=2)  # which has texts
            for each in (draft, *draft.rglob("*")):
                sync(each)
            if path.is_dir():
                path.replace(Path(folder) / "before")  # removed with the temporary folder
            draft.replace(path)
            sync(path.parent)
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {error.strerror or error}") from None
    return path


def load(path: str | Path) -> xarray.Dataset:
    """Read the result of a sweep, whole, into memory.

    Parameters
    ----------
    path : path
        What `save` wrote.

    Returns
    -------
    xarray.Dataset
        The result.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If the name ends otherwise, or the file is damaged.
    """
    import xarray

    path = Path(path)
    kind = _kind(path)
    if not path.exists():
        raise FileNotFoundError(no_file(path))
    opened: Any = (
        (lambda: xarray.open_dataset(path, engine="h5netcdf"))
        if kind == "NetCDF"
        else (lambda: xarray.open_zarr(path, consolidated=False))
    )
    try:
        with opened() as dataset:
            found: xarray.Dataset = dataset.load()
            return found
    except Exception as error:  # whatever the libraries raise for a damaged file
        raise ValueError(f"cannot read '{path}' as {kind}; it is damaged: {error}") from None


def _kind(path: Path) -> str:
    if path.suffix not in _KINDS:
        raise ValueError(f"the name must end in .nc (NetCDF) or .zarr; got '{path}'")
    return _KINDS[path.suffix]
