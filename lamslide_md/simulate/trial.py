"""The process that times one platform for `platform_trials`: task on stdin, JSON lines on stdout."""

import pickle
import sys

from lamslide_md.errors import InputError
from lamslide_md.io.parents import tell_parent
from lamslide_md.simulate.platform_trials import time_platform


def main() -> None:
    """Time the platform that the parent names, and tell the speed."""
    # Written by the parent through its own pipe: unpickling is safe.
    task = pickle.load(sys.stdin.buffer)
    tell_parent({"ready": True})
    try:
        tell_parent({"ns_per_day": time_platform(*task).ns_per_day})
    except InputError as error:
        tell_parent({"error": str(error)})
