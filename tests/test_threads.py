"""A training uses as many threads as make its steps short, and looks again."""

import time

import pytest
import torch

from lamslide_md import threads as module
from lamslide_md.threads import Threads

BUSY = {1: 0.01, 2: 0.03, 4: 0.06}
"""Seconds of a step by the number of threads where other programs want the processors, and where none does."""
FREE = {1: 0.03, 2: 0.018, 4: 0.01}


@pytest.fixture(autouse=True)
def four_threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def run(threads, seconds, n_steps):
    """The numbers of threads of steps that sleep as long as a machine in that state would compute."""
    used = []
    for _ in range(n_steps):
        with threads.step():
            used.append(torch.get_num_threads())
            time.sleep(seconds[used[-1]])
    return used


@pytest.mark.parametrize(("seconds", "best"), [(BUSY, 1), (FREE, 4)], ids=["busy", "free"])
def test_the_fastest_number_is_used_after_a_few_steps(seconds, best):
    threads = Threads(on_processor=True)
    used = run(threads, seconds, 20)
    assert set(used) == {1, 2, 4}
    assert used[12:] == [best] * 8
    assert str(threads) == f"{best} of 4 threads"


def test_what_is_clearly_slower_is_not_tried_to_the_end():
    used = run(Threads(on_processor=True), FREE, 20)
    assert used.count(1) == 2  # one to begin, one to see


def test_it_looks_again_and_takes_more_or_fewer_as_the_machine_allows(monkeypatch):
    threads = Threads(on_processor=True)
    run(threads, BUSY, 20)
    assert threads.number == 1
    assert run(threads, FREE, 5) == [1] * 5
    monkeypatch.setattr(module, "INTERVAL_S", 0.0)
    run(threads, FREE, 20)
    assert threads.number == 4
    run(threads, BUSY, 30)
    assert threads.number == 1


def test_a_number_that_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    threads = Threads(on_processor=True)
    assert run(threads, BUSY, 10) == [4] * 10
    assert not str(threads)


def test_a_gpu_is_not_waited_for():
    assert run(Threads(on_processor=False), BUSY, 10) == [4] * 10


def test_afterwards_there_are_as_many_as_before():
    with Threads(on_processor=True).chosen() as threads:
        run(threads, BUSY, 20)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 4
