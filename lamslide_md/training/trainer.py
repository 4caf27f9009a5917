"""The one training loop of both stages: Lightning Fabric, averaged weights, checkpoints, progress."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from lamslide_md.config import NumberType, Optimisation
from lamslide_md.errors import note
from lamslide_md.shares import Share, seeded
from lamslide_md.threads import Threads
from lamslide_md.training.checkpoints import read_checkpoint, read_facts
from lamslide_md.training.divergence import LOST, Guard, all_finite
from lamslide_md.training.number_types import fast_type
from lamslide_md.training.optimisers import build_optimisers, set_rate
from lamslide_md.training.progress import OnProgress, Progress
from lamslide_md.training.training_state import Kept, TrainingState
from lamslide_md.training.wrapped_step import wrapped_step

Network = TypeVar("Network", bound=nn.Module)
TrainingStep = Callable[..., Any]
Loss = Callable[[TrainingStep, torch.Generator], Tensor]
"""Loss on a fresh batch drawn with the generator; the first argument is the network's method `training_step`.

Where several processes train together, each draws the same batch, and gives `training_step` its `Trainer.share` of it.
"""


@dataclass
class Trainer:
    """Trains a network and returns its averaged weights.

    Attributes
    ----------
    fabric
        Device and precision; launched, where there are several devices.
    seed
        Of batches and noise.
    checkpoint_dir
        Where to keep checkpoints; None keeps none.
    on_progress
        Called about once a second, in the first process only.
    checkpoint_interval_s
        Time between checkpoints, s.
    earlier_s, spent_s
        The time that each phase had been trained for before it was continued, and has been since, s.
    number_types
        In which Muon's iteration was done, by phase.
    n_returns
        Times that each phase has diverged and gone back to where it was sound, with a lower learning rate.
    share
        This process's part of every batch.
    threads
        How many compute a step.
    """

    fabric: Fabric
    seed: int = 0
    checkpoint_dir: Path | None = None
    on_progress: OnProgress | None = None
    checkpoint_interval_s: float = 30.0
    earlier_s: dict[str, float] = field(default_factory=dict, init=False)
    spent_s: dict[str, float] = field(default_factory=dict, init=False)
    number_types: dict[str, NumberType] = field(default_factory=dict, init=False)
    n_returns: dict[str, int] = field(default_factory=dict, init=False)
    share: Share = field(init=False)
    threads: Threads = field(init=False)
    _fast_type: NumberType | None = field(default=None, init=False)
    _reported_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.share = Share(self.fabric.global_rank, self.fabric.world_size)
        self.threads = Threads(self.fabric.device.type == "cpu")

    def train(self, phase: str, fingerprint: str, network: Network, loss: Loss, settings: Optimisation) -> Network:
        """Train, continuing from the checkpoint of the same phase and fingerprint if there is one.

        Parameters
        ----------
        phase
            Name of the stage.
        fingerprint
            Hash of all that the result depends on; a checkpoint of another fingerprint is left alone.
        network
            Trained in place.
        loss
            Draws a batch and evaluates the network on it.
        settings
            Steps and learning rate.

        Returns
        -------
        nn.Module
            The network with averaged weights, in evaluation mode.
        """
        network = network.to(self.fabric.device)
        average = copy.deepcopy(network).eval().requires_grad_(False)
        held = self._begun(phase, fingerprint, {"network": network, "average": average}, settings)
        checkpoint, guard = self._checkpoint(phase, fingerprint), Guard(phase, settings, self.share)
        earlier = self._restored(held, checkpoint, settings.n_steps)
        step, guard.n_returns = earlier.get("step", 0), earlier.get("n_returns", 0)
        self.earlier_s[phase] = earlier.get("trained_s", 0.0)
        kept = Kept(step, held)
        training_step, fabric_optimisers = wrapped_step(self.fabric, network, held.optimisers)
        started_s = saved_s = time.monotonic()
        while step < settings.n_steps:
            set_rate(held.optimisers, settings, step, guard.rate_factor)
            with self.threads.step():
                value = loss(training_step, held.generator)
                network.zero_grad()
                self.fabric.backward(value)
                norm = torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
                mean, worst = guard.worst(step, value, norm)
                if worst < LOST:
                    for optimiser in fabric_optimisers:
                        optimiser.step()
                    step += 1
                    _average_into(average, network, min(settings.ema_decay, step / (step + 10)))
            is_last = step == settings.n_steps
            if worst >= LOST or (is_last and not all_finite(average)):
                step = self._back(held, guard, kept, checkpoint, (step, worst))
                continue
            self._report(phase, step, settings.n_steps, mean)
            now = time.monotonic()
            if checkpoint is None and guard.is_time_to_keep(step) and all_finite(average):
                kept = Kept(step, held)
            is_due = is_last or now - saved_s > self.checkpoint_interval_s
            if checkpoint and self.fabric.is_global_zero and is_due and guard.is_sound() and all_finite(average):
                held.save(checkpoint, step, guard.n_returns, self.earlier_s[phase] + now - started_s)
                saved_s = now
        self.n_returns[phase], self.spent_s[phase] = guard.n_returns, time.monotonic() - started_s
        return average

    def _begun(
        self, phase: str, fingerprint: str, modules: dict[str, nn.Module], settings: Optimisation
    ) -> TrainingState:
        """State of a training before its first step."""
        fast = self.fast_type(phase, fingerprint, settings)
        number_type = fast if settings.iteration_dtype == "auto" else settings.iteration_dtype
        optimisers = build_optimisers(modules["network"], settings, number_type)
        if settings.matrices == "muon":
            self.number_types[phase] = number_type
        return TrainingState(modules, optimisers, self.generator(), {"fingerprint": fingerprint, "fast_type": fast})

    def _restored(self, held: TrainingState, checkpoint: Path | None, n_steps: int) -> dict[str, Any]:
        """Take everything from the checkpoint, if there is one; its facts."""
        # Read by the first process, which has written it, on however many devices: others may not see its disk.
        is_there = self.fabric.is_global_zero and checkpoint is not None and checkpoint.exists()
        earlier = self.fabric.broadcast(read_checkpoint(checkpoint, n_steps) if checkpoint and is_there else None)
        if earlier is None:
            return {}
        earlier.restore(held.modules, held.optimisers, held.generator)
        return dict(earlier.facts)

    def _back(
        self, held: TrainingState, guard: Guard, kept: Kept, checkpoint: Path | None, lost: tuple[int, float]
    ) -> int:
        """Go back to the last checkpoint, or to what is kept in memory; the steps that are done there."""
        what = guard.go_back(*lost)
        earlier = self._restored(held, checkpoint, guard.settings.n_steps)
        if not earlier:
            kept.restore(held)
        step = earlier.get("step", kept.step)
        if self.fabric.is_global_zero:
            note(what := f"{what}, from step {step} on")
            if self.on_progress:
                self.on_progress(Progress(guard.phase, step, guard.settings.n_steps, what))
            if checkpoint:
                held.save(checkpoint, step, guard.n_returns, earlier.get("trained_s", self.earlier_s[guard.phase]))
        return int(step)

    def fast_type(self, phase: str, fingerprint: str, settings: Optimisation) -> NumberType:
        """Choose the number type of what bfloat16 would do for, once for all phases.

        Parameters
        ----------
        phase
            Name of the stage.
        fingerprint
            As for `train`.
        settings
            As for `train`.

        Returns
        -------
        str
            What the training was begun with, on whichever processor; by a timing for one that begins now.
        """
        if self.fabric.is_global_zero:
            self._choose_fast_type(phase, fingerprint, settings)
        self._fast_type = self.fabric.broadcast(self._fast_type)
        return self._fast_type or "float32"

    def _choose_fast_type(self, phase: str, fingerprint: str, settings: Optimisation) -> None:
        checkpoint = self._checkpoint(phase, fingerprint)
        facts = read_facts(checkpoint) if checkpoint and checkpoint.exists() else {}
        if "fast_type" in facts:
            self._fast_type = facts["fast_type"]
        elif facts and facts["step"] < settings.n_steps:
            self._fast_type = "bfloat16"  # the only one there was when checkpoints did not tell
        elif self._fast_type is None:
            self._fast_type = fast_type(self.fabric.device)

    def generator(self) -> torch.Generator:
        """Source of batches and noise from the first on, which is alike in all processes."""
        return seeded(self.seed, self.share)

    def _checkpoint(self, phase: str, fingerprint: str) -> Path | None:
        return self.checkpoint_dir and self.checkpoint_dir / f"{phase}-{fingerprint[:12]}.safetensors"

    def _report(self, phase: str, step: int, n_steps: int, loss: Tensor) -> None:
        now = time.monotonic()
        if self.on_progress and self.fabric.is_global_zero and (now - self._reported_s > 1 or step == n_steps):
            self._reported_s = now
            number_type = f"Muon in {self.number_types[phase]}" if phase in self.number_types else ""
            message = ", ".join(filter(None, (f"loss {loss.item():.4g}", number_type, str(self.threads))))
            self.on_progress(Progress(phase, step, n_steps, message))


@torch.no_grad()
def _average_into(average: nn.Module, network: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
