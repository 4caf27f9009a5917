"""The process that runs one job for `lamslide_md.simulate.local`: job on stdin, progress as JSON lines on stdout."""

import pickle
import sys
from dataclasses import asdict

from lamslide_md.errors import InputError
from lamslide_md.io.parents import end_with_parent, tell_parent
from lamslide_md.simulate.jobs import Job
from lamslide_md.simulate.progress import Progress


def main() -> None:
    """Run the job that the parent sends, and end when the parent does."""
    # Written by the parent through its own pipe: the one place where unpickling is safe.
    job: Job = pickle.load(sys.stdin.buffer)
    end_with_parent()
    try:
        job.run(progress=_tell)
    except InputError as error:
        tell_parent({"error": str(error)})


def _tell(progress: Progress) -> None:
    tell_parent(asdict(progress))
