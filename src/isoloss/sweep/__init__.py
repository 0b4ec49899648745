"""Sweeps: train many problems × schedules × levels on any workers, as labelled data."""

try:
    import xarray
except ImportError as error:
    from isoloss._messages.extras import install_command

    raise ImportError(f"sweeps need xarray: {install_command('sweep')} ({error})") from error
del xarray

from isoloss.sweep.storage import load, save
from isoloss.sweep.sweeping import sweep

__all__ = ["load", "save", "sweep"]
