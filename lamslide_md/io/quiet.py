"""Silence for what prints while it reads: dcd readers greet on stdout, xtc readers complain, mdtraj warns of boxes."""

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

SLOW_NETCDF = "Warning: The 'netCDF4' Python package is not installed"
# Reading the sound frames of a damaged file counts them first, silenced as well.
_lock = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Send what this process prints below Python to nowhere for a while; errors still come as exceptions."""
    with _lock:
        # What Python has buffered is not the library's.
        sys.stdout.flush()
        sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        kept = os.dup(1), os.dup(2)
        try:
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            for descriptor in (nowhere, *kept):
                os.close(descriptor)


@contextmanager
def boxes_may_lack() -> Iterator[None]:
    """Suppress warnings about frames without a box among others; whether there is one is checked elsewhere."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Certain frames have invalid unitcell box", UserWarning)
        warnings.filterwarnings("ignore", "invalid value encountered in divide", RuntimeWarning)
        warnings.filterwarnings("ignore", SLOW_NETCDF, UserWarning)
        yield


@contextmanager
def netcdf_may_be_slow() -> Iterator[None]:
    """Suppress the advice to install another package, which whoever writes an nc file did not ask for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", SLOW_NETCDF, UserWarning)
        yield
