"""The flow's map: trained on where the flow's own paths end."""

import torch
from torch import Tensor

from lamslide_md.config import MapSettings, Settings
from lamslide_md.flow.prior import ContextMask
from lamslide_md.flow.solvers import DEFAULT_SOLVER, solver_of
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.latent_flow import Given, LatentFlow, Latents
from lamslide_md.shares import normal, seeded_in_turn
from lamslide_md.training.building import build_map
from lamslide_md.training.flow_errors import FlowErrors
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.trainer import Trainer, TrainingStep

HALFWAY = 0.5
"""Flow time from which a second evaluation starts."""

MOST_BYTES = 2**28
"""Of the ends of paths that are kept."""

N_TESTS = 8
"""Batches that the map is not trained on, by which its error is measured."""


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
        self.bfloat16, self.trainer, self.solver = bfloat16, trainer, solver_of(DEFAULT_SOLVER)
        size = settings.optimisation.batch_size * source.settings.flow.n_frames * flow.latent_mean.numel() * 4
        n_wanted = -(-settings.optimisation.n_steps // settings.n_uses)
        self.n_batches = max(1, min(n_wanted, MOST_BYTES // size))
        self._ends: dict[int, Latents] = {}

    def __call__(self, training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        """Draw a batch, new or used before, and sum up all errors."""
        share = self.trainer.share
        number = int(torch.randint(self.n_batches, (), generator=generator))
        known, noise, end, context = self._batch(number)
        later = share.part(torch.rand(share.total, generator=generator) < self.own.later)
        tau = (HALFWAY * later).to(noise)
        data = self._predicted(training_step, known, noise, end, tau, context)
        return share.weighted(self.errors.mean(data - end, context))

    @torch.no_grad()
    def relative_error(self, trained: FlowMap) -> float:
        """Squared error in one evaluation, relative to the variance of what the flow draws beside the prior's mean."""
        missed = moved = torch.zeros((), device=self.source.device)
        for number in range(self.n_batches, self.n_batches + N_TESTS):
            known, noise, end, context = self._batch(number, keep=False)
            data = self._predicted(trained.training_step, known, noise, end, noise.new_zeros(len(noise)), context)
            missed = missed + (data - end).square().sum()
            moved = moved + (end - end.mean(dim=0)).square().sum()
        return float(self.trainer.share.averaged(missed) / self.trainer.share.averaged(moved))

    @torch.no_grad()
    def _batch(self, number: int, keep: bool = True) -> tuple[Given, Latents, Latents, ContextMask]:
        """Windows, noise and the ends of their paths, which are the same for the same number."""
        share, own = self.trainer.share, self.source.settings.flow
        generator = seeded_in_turn(self.trainer.seed, number, share)
        context, index = self.source.draw(self.own.optimisation.batch_size, generator)
        share.total = len(index)
        latents, _ = self.source.encode(index, context, generator, share)
        context = context.to(self.source.device)
        given = self.flow.standardise(latents)
        if own.known_noise:
            given = given + own.known_noise * normal(given.shape, generator).to(given)
        known = self.flow.given(given, context)
        noise = self.flow.prior.sample_noise(given, context, generator)
        targets = self._ends.get(number)
        if targets is None:
            targets = self.flow.carried(known, context, self.solver, lambda: noise)[:, ~context]
            if keep:
                self._ends[number] = targets
        end = torch.zeros_like(noise)
        end[:, ~context] = targets
        return known, noise, end, context

    def _predicted(
        self,
        training_step: TrainingStep,
        known: Given,
        noise: Latents,
        end: Latents,
        tau: Tensor,
        context: ContextMask,
    ) -> Latents:
        """Where the map leads from the noise or, at later flow times, from between it and the end."""
        interpolant, target_mask = self.flow.interpolant, ~context[:, None, None]
        state = torch.where(tau[:, None, None, None] > 0, interpolant.state(end, noise, tau), noise)
        asked = interpolant.within(tau)
        prediction = training_step(
            known.mean * target_mask + state, asked, known.conditioning, context, self.flow.prior, self.bfloat16
        )
        return interpolant.to_data(prediction, state, asked) * target_mask
