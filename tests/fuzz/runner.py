"""Trials in a process of their own, which may crash, hang or run out of memory."""

import json
import random
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.kinds import KINDS

LONGEST_S = 300.0
"""Of a trial."""


@dataclass
class Findings:
    """What came of the trials.

    Attributes
    ----------
    n_trials
        By kind.
    faults
        By ``KIND:SEED``, with which the trial can be repeated.
    """

    n_trials: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)


class Worker:
    """The process.

    Parameters
    ----------
    kept
        File that becomes the damaged one of a trial.
    kinds
        Indices of those that are tried first on sound files.
    """

    def __init__(self, kept: Path, kinds: Sequence[int]) -> None:
        command = [sys.executable, "-m", "tests.fuzz.worker", str(kept.absolute())]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, text=True, bufsize=1, **streams)
        ready = self._answer()
        if ready:
            raise RuntimeError(f"the corpus could not be made: {ready}")
        for index in kinds:
            if faults := self.ask(index, None):
                raise RuntimeError(f"{KINDS[index].name}: {faults}")

    def ask(self, index: int, damage: int | str | None) -> list[str]:
        """Do a trial; a process that has died or hangs is itself a fault."""
        self._process.stdin.write(json.dumps([index, damage]) + "\n")
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.stdout.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def _answer(self) -> list[str]:
        if not select.select([self._process.stdout], [], [], LONGEST_S)[0]:
            self._process.kill()
            self._process.wait()
            return [f"no end after {LONGEST_S:g} s"]
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        return [f"the process died: exit code {self._process.wait()}"]


def search(
    seconds: float,
    seed: int,
    folder: Path,
    kinds: Sequence[int] = range(len(KINDS)),
    tell: Callable[[str], None] = print,
) -> Findings:
    """Do trials until the time is over, and every kind has had one.

    Parameters
    ----------
    seconds
        From the first trial on.
    seed
        Of all damage.
    folder
        Where files that were not refused, nor harmless, are kept as ``KIND-SEED``.
    kinds
        Indices of those to try.
    tell
        Called with a line for each fault.

    Returns
    -------
    Findings
        Counts and faults.
    """
    findings, rng = Findings(), random.Random(seed)
    last = folder / "last"
    worker = Worker(last, kinds)
    end_s = time.monotonic() + seconds
    try:
        for index in _turns(kinds, rng):
            if time.monotonic() > end_s and len(findings.n_trials) == len(kinds):
                return findings
            if not worker.is_alive:
                worker.close()
                worker = Worker(last, kinds)
            own, name = rng.randrange(10**9), KINDS[index].name
            findings.n_trials[name] += 1
            if faults := worker.ask(index, own):
                findings.faults[f"{name}:{own}"] = faults
                if last.exists():
                    last.replace(folder / f"{name.replace('/', '_').replace(' ', '_')}-{own}")
                tell(f"{name}:{own}: {'; '.join(faults)}")
    finally:
        worker.close()
    return findings


def _turns(kinds: Sequence[int], rng: random.Random) -> Iterator[int]:
    """All kinds, in another order in every turn."""
    while True:
        yield from rng.sample(kinds, len(kinds))
