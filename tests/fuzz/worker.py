"""A process that does trials one after another and tells of each; started by the runner."""

import json
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from tests.fuzz.corpus import make_corpus
from tests.fuzz.kinds import KINDS
from tests.fuzz.trial import faults_of

MEMORY_BYTES = 20_000_000_000
"""Address space, so that what a damaged file claims is not had."""


def main() -> None:
    """Take ``[kind index, seed or damaged file]`` from standard input line by line; answer with the faults.

    The argument is the file that becomes the damaged one.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answers, home = _own_output(), Path(tempfile.mkdtemp(prefix="lamslide-fuzz-"))
    try:
        corpus, sound = home / "corpus", {}
        corpus.mkdir()
        make_corpus(corpus)
        answers.write(json.dumps("ready") + "\n")
        for line in sys.stdin:
            index, damage = json.loads(line)
            damage = Path(damage).read_bytes() if isinstance(damage, str) else damage
            place = home / "trial"
            place.mkdir()
            try:
                faults = faults_of(KINDS[index], damage, corpus, place, sound, Path(sys.argv[1]))
            finally:
                shutil.rmtree(place, ignore_errors=True)
            answers.write(json.dumps(faults) + "\n")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _own_output() -> TextIO:
    """Keep standard output for answers; what commands print goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return kept


if __name__ == "__main__":
    main()
