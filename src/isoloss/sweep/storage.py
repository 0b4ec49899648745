"""Results of sweeps in NetCDF: written whole or not at all."""

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
        What `sweep` returned.
    path : path
        A file that ends in .nc.
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
    path = check_name(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"'{path}' exists; choose another name, or set overwrite=True")
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; it stays as it is")
    # in memory first: HDF5 does not bear a full disk
    write_bytes(path, bytes(dataset.to_netcdf(engine="h5netcdf")))
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

    path = check_name(path)
    if not path.exists():
        raise FileNotFoundError(no_file(path))
    try:
        return xarray.load_dataset(path, engine="h5netcdf")
    except Exception as error:  # whatever the libraries raise for a damaged file
        raise ValueError(f"cannot read '{path}' as NetCDF; it is damaged: {error}") from None


def check_name(path: str | Path) -> Path:
    """Return the path of a result; raise ``ValueError`` if its name is that of another format."""
    path = Path(path)
    if path.suffix != ".nc":
        raise ValueError(f"the name must end in .nc, for NetCDF; got '{path}'")
    return path
