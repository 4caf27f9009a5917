"""Progress of long phases on a terminal: one bar for each phase with the remaining time, or lines where it is a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from lamslide_md.simulate.progress import Progress as SimulationProgress
    from lamslide_md.training.progress import Progress as TrainingProgress

LINE_INTERVAL_S = 20.0
"""Where the output is no terminal, a phase writes a line this often, and one at its end."""


class ProgressBars:
    """Shows the phases of a run as they begin; a context manager.

    Its methods are the callbacks of simulation, training and rollout.

    Parameters
    ----------
    console
        Where to write; standard error when left out.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bars = RichProgress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[remaining]}"),
            TextColumn("{task.fields[message]}", style="dim"),
            console=self.console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, tuple[float, float]] = {}
        self._lined_s: dict[str, float] = {}

    def __enter__(self) -> "ProgressBars":
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._bars.stop()

    def on_simulation(self, progress: "SimulationProgress") -> None:
        """Hear of a reference simulation."""
        speed = f"{progress.ns_per_day:.0f} ns/day " if progress.ns_per_day else ""
        where = f"on {progress.platform} " if progress.platform else ""
        message = f"{speed}{where}({progress.phase})"
        self.show("simulate", progress.fraction, message, progress.remaining_s)

    def on_training(self, progress: "TrainingProgress") -> None:
        """Hear of a stage of the training."""
        self.show(f"train {progress.phase}", progress.done / progress.total, progress.message)

    def on_frames(self, done: int, total: int) -> None:
        """Hear of a rollout: frames of all chains that are done, and those asked for."""
        self.show("roll out", done / total, f"{done:,} of {total:,} frames")

    @contextmanager
    def waiting(self, phase: str) -> Iterator[None]:
        """Show that a phase is running whose end cannot be foreseen."""
        started_s = time.monotonic()
        task = self._bars.add_task(phase, total=None, remaining="", message="")
        try:
            yield
            self._bars.update(task, total=1, completed=1, remaining=f"took {clock(time.monotonic() - started_s)}")
        finally:
            self._bars.stop_task(task)
        if not self.console.is_terminal:
            self.console.print(f"{phase}: done in {clock(time.monotonic() - started_s)}", highlight=False)

    def show(self, phase: str, fraction: float, message: str = "", remaining_s: float | None = None) -> None:
        """Show where a phase stands.

        Parameters
        ----------
        phase
            Its name; each has its own bar.
        fraction
            Part that is done, 0 to 1.
        message
            A figure worth showing, with its unit.
        remaining_s
            Time to the end, s, where the caller knows better than the mean speed so far.
        """
        now = time.monotonic()
        began_s, began_fraction = self._begun.setdefault(phase, (now, fraction))
        # A continued phase does not begin at zero: only what was done now counts for its speed.
        if remaining_s is None and fraction > began_fraction:
            remaining_s = (now - began_s) * (1 - fraction) / (fraction - began_fraction)
        finished = fraction >= 1
        remaining = f"took {clock(now - began_s)}" if finished else ""
        if not finished and remaining_s is not None:
            remaining = f"{clock(remaining_s)} left"
        if not self.console.is_terminal:
            self._line(phase, fraction, f"{remaining}  {message}".strip(), now)
            return
        if phase not in self._tasks:
            self._tasks[phase] = self._bars.add_task(phase, total=1.0, remaining="", message="")
        self._bars.update(self._tasks[phase], completed=min(1.0, fraction), remaining=remaining, message=message)

    def _line(self, phase: str, fraction: float, text: str, now: float) -> None:
        if fraction < 1 and now - self._lined_s.get(phase, now - LINE_INTERVAL_S) < LINE_INTERVAL_S:
            return
        self._lined_s[phase] = now if fraction < 1 else float("inf")
        self.console.print(f"{phase}: {100 * fraction:.0f} %  {text}", highlight=False)


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
