"""A process that has a fork of itself do each trial, and tells of it; started by the runner."""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import lamslide_md.analysis.report
import lamslide_md.surrogate  # noqa: F401 - loaded once, before the first fork
from lamslide_md import distilling
from tests.fuzz.corpus import make_corpus
from tests.fuzz.kinds import KINDS
from tests.fuzz.trial import faults_of

MEMORY_BYTES = 20_000_000_000
"""Address space, so that what a damaged file claims is not had."""
DISTILLED_FRAMES = 200
"""Of which a map learns in a trial."""
LONGEST_S = 180
"""Of a trial."""


def main() -> None:
    """Take ``[kind index, seed or damaged file]`` from standard input line by line; answer with the faults.

    The argument is the file that becomes the damaged one.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    distilling.N_FRAMES = DISTILLED_FRAMES
    # Answers go to what is standard output now; what commands print does not.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    home, sound, kept = Path(tempfile.mkdtemp(prefix="lamslide-fuzz-")), {}, Path(sys.argv[1])
    corpus, place = home / "corpus", home / "trial"
    corpus.mkdir()

    def trial(index: int, damage: int | bytes | None) -> tuple[list[str], dict[str, str]]:
        return faults_of(KINDS[index], damage, corpus, place, sound, kept), sound

    try:
        ready, _ = _in_fork(lambda: (make_corpus(corpus) or [], {}))
        answers.write(json.dumps(ready) + "\n")
        for line in sys.stdin:
            index, damage = json.loads(line)
            damage = Path(damage).read_bytes() if isinstance(damage, str) else damage
            place.mkdir()
            faults, known = _in_fork(lambda index=index, damage=damage: trial(index, damage))
            shutil.rmtree(place, ignore_errors=True)
            sound.update(known or {})
            answers.write(json.dumps(faults) + "\n")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _in_fork(work: Callable[[], tuple[list[str], object]]) -> tuple[list[str], dict[str, str]]:
    """Work in a process of its own: what it breaks in itself harms nothing else, and its death is a fault."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        signal.alarm(LONGEST_S)
        with os.fdopen(writing, "w") as answer:
            answer.write(json.dumps(work()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == -signal.SIGALRM:
        return [f"no end after {LONGEST_S} s"], {}
    faults, known = json.loads(text) if text else ([], {})
    return faults + ([f"the process died: exit code {code}"] if code else []), known


if __name__ == "__main__":
    main()
