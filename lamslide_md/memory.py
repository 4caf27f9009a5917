"""How much memory there is."""

import os
import resource
from pathlib import Path


def available_bytes() -> float:
    """Bytes that this process may still allocate.

    Returns
    -------
    float
        What the machine has to spare, or what is left below a limit of addresses.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        free = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if limit == resource.RLIM_INFINITY:
        return free
    # Of addresses, of which libraries have reserved many.
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return min(free, float(limit - used))
