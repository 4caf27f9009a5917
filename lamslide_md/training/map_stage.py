"""The flow's map: trained on where the flow's own paths end."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lamslide_md.config import MapSettings, Settings
from lamslide_md.flow.prior import ContextMask
from lamslide_md.flow.solvers import HALFWAY, Heun
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.latent_flow import Given, LatentFlow, Latents
from lamslide_md.shares import normal, seeded_in_turn
from lamslide_md.training.building import build_map
from lamslide_md.training.flow_errors import FlowErrors
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.trainer import Trainer, TrainingStep

MOST_BYTES = 2**28
"""Of the ends of paths that are kept."""

N_TESTS = 8
"""Batches that the map is not trained on, by which its error is measured."""

TEACHER, TEACHER_OF_HALF = Heun(5), Heun(3)
"""Solvers that carry noise, and what is halfway."""


def train_map(
    trainer: Trainer,
    fingerprint: str,
    flow: LatentFlow,
    source: LatentWindows,
    settings: Settings,
    errors: FlowErrors,
    bfloat16: bool,
) -> FlowMap:
    """Train a map on paths of a flow, and measure how far from their ends it leads.

    Parameters
    ----------
    trainer
        The training loop.
    fingerprint
        Hash of all that the flow depends on, and the settings of the map.
    flow
        Frozen.
    source
        Windows of latents.
    settings
        Of both stages, with those of a map.
    errors
        How they are weighed.
    bfloat16
        Whether the network multiplies its matrices in bfloat16.

    Returns
    -------
    FlowMap
        Frozen, with averaged weights.
    """
    own = settings.flow.map
    assert own is not None, "there are no settings of a map"
    torch.manual_seed(trainer.seed)
    network = build_map(source.autoencoder, settings)
    _inherit(network, flow, settings)
    if network.neighbourhoods.in_blocks and flow.neighbourhoods.in_blocks:
        network.neighbourhoods.places.copy_(flow.neighbourhoods.places)
    loss = MapLoss(flow, source, own, errors, bfloat16, trainer)
    trained = trainer.train("map", fingerprint, network, loss, own.optimisation)
    trained.error.fill_(loss.relative_error(trained))
    return trained


def _inherit(network: FlowMap, flow: LatentFlow, settings: Settings) -> None:
    """Begin with the flow's weights where they fit; of more levels or fewer those that are spread evenly.

    Levels beside the flow's own pass on what they are given at first, as those of every new network do.
    """
    (tokens, width, depth, n_heads), (*others, flow_depth, flow_heads) = settings.flow.map_sizes, settings.flow.sizes
    if [tokens, width, n_heads] != [*others, flow_heads] or not depth or not flow_depth:
        return
    n_shared = min(depth, flow_depth)
    own, theirs = (torch.linspace(0, most - 1, n_shared).round().int().tolist() for most in (depth, flow_depth))
    weights = flow.state_dict()
    for blocks in ("over_latents", "over_frames"):
        of_flow = {name: weights.pop(name) for name in list(weights) if name.startswith(f"{blocks}.")}
        for level, other in zip(own, theirs, strict=True):
            before = f"{blocks}.{other}."
            weights |= {
                f"{blocks}.{level}.{name.removeprefix(before)}": weight
                for name, weight in of_flow.items()
                if name.startswith(before)
            }
    network.load_state_dict(weights, strict=False)


class MapLoss:
    """Loss of a map on windows whose paths it asks the flow for; each batch of them is used several times.

    Parameters
    ----------
    flow
        Frozen.
    source
        Windows of latents.
    settings
        Of the map.
    errors
        How they are weighed.
    bfloat16
        Whether the network multiplies its matrices in bfloat16.
    trainer
        Seed, and this process's part of every batch.
    """

    def __init__(
        self,
        flow: LatentFlow,
        source: LatentWindows,
        settings: MapSettings,
        errors: FlowErrors,
        bfloat16: bool,
        trainer: Trainer,
    ) -> None:
        self.flow, self.source, self.own, self.errors = flow, source, settings, errors
        self.bfloat16, self.trainer = bfloat16, trainer
        size = settings.optimisation.batch_size * source.settings.flow.n_frames * flow.latent_mean.numel() * 4
        n_wanted = -(-settings.optimisation.n_steps // settings.n_uses)
        self.n_batches = max(1, min(n_wanted, MOST_BYTES // size))
        self._ends: dict[int, Latents] = {}

    def __call__(self, training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        """Draw a batch, new or used before, and sum up all errors."""
        number = int(torch.randint(self.n_batches, (), generator=generator))
        begun = self._begun(number, later=self._is_later(number))
        end = self._end(number, begun)
        data = self._predicted(training_step, begun)
        return self.trainer.share.weighted(self.errors.mean(data - end, begun.context))

    @torch.no_grad()
    def relative_error(self, trained: FlowMap) -> float:
        """Squared error in one evaluation, relative to the variance of what the flow draws beside the prior's mean."""
        missed = moved = torch.zeros((), device=self.source.device)
        for number in range(self.n_batches, self.n_batches + N_TESTS):
            begun = self._begun(number, later=False)
            end = self._end(number, begun, keep=False)
            data = self._predicted(trained.training_step, begun)
            missed = missed + (data - end).square().sum()
            moved = moved + (end - end.mean(dim=0)).square().sum()
        return float(self.trainer.share.averaged(missed) / self.trainer.share.averaged(moved))

    def _is_later(self, number: int) -> bool:
        """Whether the paths of a batch begin halfway; those that do are spread evenly."""
        return int((number + 1) * self.own.later) > int(number * self.own.later)

    @torch.no_grad()
    def _begun(self, number: int, later: bool) -> "Begun":
        """Windows and states from which their paths are followed, which are the same for the same number."""
        share, own = self.trainer.share, self.source.settings.flow
        generator = seeded_in_turn(self.trainer.seed, number, share)
        context, index = self.source.draw(self.own.optimisation.batch_size, generator)
        share.total = len(index)
        latents, _ = self.source.encode(index, context, generator, share)
        context = context.to(self.source.device)
        data = given = self.flow.standardise(latents)
        if own.known_noise:
            given = given + own.known_noise * normal(given.shape, generator).to(given)
        known = self.flow.given(given, context)
        state = self.flow.prior.sample_noise(given, context, generator)
        if later:
            residual = (data - known.mean) * ~context[:, None, None]
            state = self.flow.interpolant.state(residual, state, state.new_full((len(state),), HALFWAY))
        return Begun(known, state, HALFWAY if later else 0.0, context)

    @torch.no_grad()
    def _end(self, number: int, begun: "Begun", keep: bool = True) -> Latents:
        """Where the flow leads them."""
        context = begun.context
        targets = self._ends.get(number)
        if targets is None:
            solver = TEACHER_OF_HALF if begun.tau else TEACHER
            targets = self.flow.carried(begun.known, context, solver, lambda: begun.state, begun.tau)[:, ~context]
            if keep:
                self._ends[number] = targets
        end = torch.zeros_like(begun.state)
        end[:, ~context] = targets
        return end

    def _predicted(self, training_step: TrainingStep, begun: "Begun") -> Latents:
        """Where the map leads them."""
        interpolant, known, target_mask = self.flow.interpolant, begun.known, ~begun.context[:, None, None]
        asked = interpolant.within(begun.state.new_full((len(begun.state),), begun.tau))
        prediction = training_step(
            known.mean * target_mask + begun.state,
            asked,
            known.conditioning,
            begun.context,
            self.flow.prior,
            self.bfloat16,
        )
        return interpolant.to_data(prediction, begun.state, asked) * target_mask


@dataclass(frozen=True)
class Begun:
    """Windows, and states on the way from noise to their data.

    Attributes
    ----------
    known
        What the network is given beside the states.
    state
        Without the prior's mean; zero on context frames.
    tau
        Flow time of the states.
    context
        Which frames are context.
    """

    known: Given
    state: Latents
    tau: float
    context: ContextMask
