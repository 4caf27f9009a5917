"""`Threads`: how many threads compute the steps of a training, by how long its own steps take."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

N_STEPS = 4
"""With each number of threads that is tried, of which the first is not counted: threads begin in it."""

HOPELESS = 1.5
"""Times as long as with the best number so far of a step after which a number is not tried further."""

INTERVAL_S = 60.0
"""Between two trials: other programs come and go."""

GAIN = 1.1
"""How many times as fast another number of threads must be."""

SET_BY_USER = "OMP_NUM_THREADS"
"""Environment variable with which a user has chosen."""


class Threads:
    """Tries fewer and more threads in the first steps and once a minute, and goes on with the number that was fastest.

    With another program on the machine two threads may take several times as long as one: each waits for the other in
    every product of matrices. What is computed differs by rounding with the number of threads.

    Parameters
    ----------
    on_processor
        Whether steps are computed by threads of this process; if not, nothing is tried.
    """

    def __init__(self, on_processor: bool) -> None:
        self.most = torch.get_num_threads()
        self.number = self.most
        self._is_free = on_processor and self.most > 1 and SET_BY_USER not in os.environ
        self._times_s: dict[int, list[float]] = {}
        self._waiting: list[int] = []
        self._tried_s = time.monotonic()
        numbers = [self.most >> halvings for halvings in range(self.most.bit_length())]
        self._begin_trial(numbers)

    def __str__(self) -> str:
        return f"{self.number} of {self.most} threads" if self._is_free else ""

    @contextmanager
    def chosen(self) -> Iterator["Threads"]:
        """Use as many as seems best; afterwards as many as before."""
        try:
            yield self
        finally:
            torch.set_num_threads(self.most)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Compute one step, and see how long it takes where that is to be found out."""
        if not self._is_free:
            yield
            return
        if not self._waiting and time.monotonic() - self._tried_s > INTERVAL_S:
            self._begin_trial([self.number, max(1, self.number // 2), min(self.most, 2 * self.number)])
        if not self._waiting:
            yield
            return
        number = self._waiting[-1]
        torch.set_num_threads(number)
        started_s = time.perf_counter()
        yield
        self._note(number, time.perf_counter() - started_s)

    def _begin_trial(self, numbers: list[int]) -> None:
        """Try numbers of threads, the present one first."""
        self._times_s, self._waiting = {}, list(dict.fromkeys(numbers))[::-1]

    def _note(self, number: int, step_s: float) -> None:
        """Take a step's time; once all numbers are tried, go on with the best."""
        times_s = self._times_s.setdefault(number, [])
        times_s.append(step_s)
        best_s = {own: min(spent[1:]) for own, spent in self._times_s.items() if own != number}
        is_hopeless = len(times_s) > 1 and bool(best_s) and step_s > HOPELESS * min(best_s.values())
        if len(times_s) < N_STEPS and not is_hopeless:
            return
        self._waiting.pop()
        if not self._waiting:
            best_s[number] = min(times_s[1:])
            fastest = min(best_s, key=best_s.__getitem__)
            if best_s[self.number] > GAIN * best_s[fastest]:
                self.number = fastest
            torch.set_num_threads(self.number)
            self._tried_s = time.monotonic()
