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
from lamslide_md.shares import Share, SharedGenerator
from lamslide_md.training.checkpoints import read_checkpoint, read_facts, save_checkpoint
from lamslide_md.training.number_types import fast_type
from lamslide_md.training.optimisers import build_optimisers
from lamslide_md.training.wrapped_step import wrapped_step


@dataclass(frozen=True)
class Progress:
    """Where a long phase stands.

    Attributes
    ----------
    phase
        What is running.
    done, total
        Units of work.
    message
        A figure worth showing, with its unit.
    """

    phase: str
    done: int
    total: int
    message: str = ""


OnProgress = Callable[[Progress], None]
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
    earlier_s
        The time that each phase had been trained for before it was continued, s.
    number_types
        In which Muon's iteration was done, by phase.
    share
        This process's part of every batch.
    """

    fabric: Fabric
    seed: int = 0
    checkpoint_dir: Path | None = None
    on_progress: OnProgress | None = None
    checkpoint_interval_s: float = 30.0
    earlier_s: dict[str, float] = field(default_factory=dict, init=False)
    number_types: dict[str, NumberType] = field(default_factory=dict, init=False)
    share: Share = field(init=False)
    _fast_type: NumberType | None = field(default=None, init=False)
    _reported_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.share = Share(self.fabric.global_rank, self.fabric.world_size)

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
        fast = self.fast_type(phase, fingerprint, settings)
        number_type = fast if settings.iteration_dtype == "auto" else settings.iteration_dtype
        optimisers = build_optimisers(network, settings, number_type)
        if settings.matrices == "muon":
            self.number_types[phase] = number_type
        generator = self._generator()
        state: dict[str, nn.Module] = {"network": network, "average": average}
        checkpoint, is_first = self._checkpoint(phase, fingerprint), self.fabric.is_global_zero
        step, self.earlier_s[phase] = 0, 0.0
        # Read by the first process, which has written it, on however many devices: others may not see its disk.
        there = checkpoint if is_first and checkpoint and checkpoint.exists() else None
        earlier = read_checkpoint(there, settings.n_steps) if there else None
        earlier = self.fabric.broadcast(earlier)
        if earlier:
            earlier.restore(state, optimisers, generator)
            step, self.earlier_s[phase] = earlier.facts["step"], earlier.facts.get("trained_s", 0.0)
        training_step, fabric_optimisers = wrapped_step(self.fabric, network, optimisers)
        started_s = saved_s = time.monotonic()
        while step < settings.n_steps:
            rate = settings.learning_rate * _relative_rate(step, settings)
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = rate
            value = loss(training_step, generator)
            network.zero_grad()
            self.fabric.backward(value)
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            for optimiser in fabric_optimisers:
                optimiser.step()
            step += 1
            _average_into(average, network, min(settings.ema_decay, step / (step + 10)))
            self._report(phase, step, settings.n_steps, self.share.averaged(value))
            now = time.monotonic()
            if checkpoint and is_first and (step == settings.n_steps or now - saved_s > self.checkpoint_interval_s):
                trained_s = self.earlier_s[phase] + now - started_s
                facts = {"step": step, "fingerprint": fingerprint, "trained_s": trained_s, "fast_type": fast}
                save_checkpoint(checkpoint, state, optimisers, generator, facts)
                saved_s = now
        return average

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

    def _generator(self) -> torch.Generator:
        if self.share.n_ranks == 1:
            return torch.Generator().manual_seed(self.seed)
        generator = SharedGenerator()
        generator.share = self.share
        generator.manual_seed(self.seed)
        return generator

    def _checkpoint(self, phase: str, fingerprint: str) -> Path | None:
        return self.checkpoint_dir and self.checkpoint_dir / f"{phase}-{fingerprint[:12]}.safetensors"

    def _report(self, phase: str, step: int, n_steps: int, loss: Tensor) -> None:
        now = time.monotonic()
        if self.on_progress and self.fabric.is_global_zero and (now - self._reported_s > 1 or step == n_steps):
            self._reported_s = now
            number_type_text = f", Muon in {self.number_types[phase]}" if phase in self.number_types else ""
            self.on_progress(Progress(phase, step, n_steps, f"loss {loss.item():.4g}{number_type_text}"))


def _relative_rate(step: int, settings: Optimisation) -> float:
    """Linear warm-up, a plateau, linear decay to zero."""
    fraction = step / settings.n_steps
    plateau = settings.constant_fraction
    decay = 1.0 if fraction < plateau else (1 - fraction) / (1 - plateau)
    return min(1.0, (step + 1) / settings.warmup_steps) * decay


@torch.no_grad()
def _average_into(average: nn.Module, network: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
