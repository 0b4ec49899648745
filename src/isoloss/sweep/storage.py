"""Store results of sweeps in NetCDF files, written completely or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoloss._files import OutputError, write_bytes
from isoloss._messages.near_misses import no_file

if TYPE_CHECKING:
    import xarray

__all__ = ["check_name", "load", "save"]


def save(dataset: xarray.Dataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the result of a sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        The result that `sweep` returned.
    path : path
        A file that ends in .nc.
    overwrite : bool, default: False
        Whether to replace an existing file.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError
        If the name does not end in .nc.
    FileExistsError
        If the file exists and ``overwrite`` is not set.
    OutputError
        If the file cannot be written; no partial file is left.
    """
    path = check_name(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"'{path}' exists; choose another name, or set overwrite=True")
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; it stays as it is")
    # build the file in memory first, because HDF5 cannot handle a full disk
    write_bytes(path, bytes(dataset.to_netcdf(engine="h5netcdf")))
    return path


def load(path: str | Path) -> xarray.Dataset:
    """Read the whole result of a sweep into memory.

    Parameters
    ----------
    path : path
        A file that `save` wrote.

    Returns
    -------
    xarray.Dataset
        The result. Its attribute ``last_step`` is ``"whole"`` if the file does not say it.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the name does not end in .nc, or the file is damaged.
    """
    import xarray

    path = check_name(path)
    if not path.exists():
        raise FileNotFoundError(no_file(path))
    try:
        found = xarray.load_dataset(path, engine="h5netcdf")
    except Exception as error:  # the libraries raise various errors for damaged files
        raise ValueError(f"cannot read '{path}' as NetCDF; it is damaged: {error}") from None
    found.attrs.setdefault("last_step", "whole")  # older files do not say it
    return found


def check_name(path: str | Path) -> Path:
    """Return the path of a result; raise ``ValueError`` if its name does not end in .nc."""
    path = Path(path)
    if path.suffix != ".nc":
        raise ValueError(f"the name must end in .nc, for NetCDF; got '{path}'")
    return path
