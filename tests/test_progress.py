import io

import pytest
from rich.console import Console

from lamslide_md.cli import progress
from lamslide_md.cli.progress import ProgressBars, clock
from lamslide_md.simulate.progress import Progress as SimulationProgress
from lamslide_md.training.progress import Progress as TrainingProgress


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    replaced = Clock()
    monkeypatch.setattr(progress, "time", replaced)
    return replaced


def bars(terminal):
    return ProgressBars(Console(file=io.StringIO(), force_terminal=terminal, width=120))


@pytest.mark.parametrize(("seconds", "text"), [(5.0, "0:05"), (59.6, "1:00"), (3600.0, "1:00:00"), (7325.0, "2:02:05")])
def test_durations_read_as_on_a_clock(seconds, text):
    assert clock(seconds) == text


def test_the_remaining_time_follows_from_what_was_done_since_the_start_not_from_what_was_continued(time):
    shown = bars(terminal=False)
    with shown:
        shown.on_training(TrainingProgress("flow", 500, 1000, "loss 1"))
        time.now += 30
        shown.on_training(TrainingProgress("flow", 750, 1000, "loss 0.5"))
    # A quarter took 30 s, so will the last one.
    assert "train flow: 75 %  0:30 left  loss 0.5" in shown.console.file.getvalue()


def test_a_simulation_knows_its_own_remaining_time(time):
    shown = bars(terminal=False)
    with shown:
        shown.on_simulation(SimulationProgress("production", 500.0, 1000.0, 86.4, "Reference"))
    # 0.5 ns at 86.4 ns/day.
    assert "50 %  8:20 left  86 ns/day on Reference (production)" in shown.console.file.getvalue()


def test_a_log_gets_few_lines_and_always_the_last(time):
    shown = bars(terminal=False)
    with shown:
        for done in range(0, 101):
            time.now += 1
            shown.on_frames(done, 100)
    lines = shown.console.file.getvalue().splitlines()
    assert 100 / progress.LINE_INTERVAL_S <= len(lines) <= 100 / progress.LINE_INTERVAL_S + 2
    assert lines[-1].startswith("roll out: 100 %  took 1:40")


def test_a_terminal_shows_a_bar_for_each_phase():
    shown = bars(terminal=True)
    with shown, shown.waiting("compare"):
        shown.on_frames(50, 100)
    text = shown.console.file.getvalue()
    assert "roll out" in text
    assert "compare" in text
    assert "50 %" in text
