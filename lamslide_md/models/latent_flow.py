"""`LatentFlow`, the second stage: a flow on windows of latents, given their context frames."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.errors import InputError
from lamslide_md.flow.data_solvers import MapSolver
from lamslide_md.flow.dynamics import Dynamics, Solver
from lamslide_md.flow.interpolant import Interpolant
from lamslide_md.flow.low_rank_prior import Prior
from lamslide_md.flow.prior import ContextMask, Latents
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.flow_network import FlowNetwork, NetworkSizes
from lamslide_md.models.flow_terms import FlowOutput
from lamslide_md.shares import normal

NO_MAP = "this model has no map; choose another solver, such as heun"


@dataclass(frozen=True)
class Given:
    """What the network is given of windows besides the state, standardised latents.

    Attributes
    ----------
    mean
        Of the prior given the context frames, from which the state is told; the context frames where they are.
    conditioning
        Context frames, and the prior's guess elsewhere.
    """

    mean: Latents
    conditioning: Latents


class LatentFlow(FlowNetwork):
    """A `FlowNetwork` with the path it was trained along and the prior that the path starts from.

    Parameters
    ----------
    sizes
        Of the network.
    interpolant
        Path and meaning of the output.
    prior
        Where the flow starts from.

    Attributes
    ----------
    map
        Leads to the end of the path in one evaluation; None where there is none.

    References
    ----------
    LaM-SLidE, arXiv 2502.12128, second stage.
    """

    latent_mean: Tensor
    latent_scale: Tensor
    prior: Prior
    map: FlowMap | None

    def __init__(self, sizes: NetworkSizes, interpolant: Interpolant, prior: Prior) -> None:
        super().__init__(sizes, prior)
        self.interpolant, self.map = interpolant, None
        self.register_buffer("latent_mean", torch.zeros(sizes.n_latents, sizes.n_channels))
        self.register_buffer("latent_scale", torch.ones(()))

    def standardise(self, latents: Latents) -> Latents:
        """Shift and scale latents of the autoencoder to zero mean and unit variance over the training data."""
        return (latents - self.latent_mean) / self.latent_scale

    def restore(self, standardised: Latents) -> Latents:
        """Undo `standardise`."""
        return standardised * self.latent_scale + self.latent_mean

    def forward(
        self, state: Latents, tau: Float[Tensor, " batch"], conditioning: Latents, context: ContextMask
    ) -> Latents:
        """Predict velocity, data or noise of a window; see `FlowNetwork.predicted`."""
        return self.predicted(state, tau, conditioning, context, self.prior)

    def given(self, standardised: Latents, context: ContextMask) -> Given:
        """Tell what the network is given of windows besides the state; only their context frames matter."""
        return Given(self.prior.mean(standardised, context), self.prior.condition(standardised, context))

    def training_step(
        self,
        latents: Latents,
        context: ContextMask,
        tau: Float[Tensor, " batch"],
        generator: torch.Generator | None,
        known_noise: float = 0.0,
        bfloat16: bool = False,
    ) -> FlowOutput:
        """Draw noise for a training window and compare the network's prediction with the truth.

        Parameters
        ----------
        latents
            Window of the autoencoder's latents.
        context
            Which frames are context.
        tau
            Flow time of each sample.
        generator
            Source of the noise, on the CPU.
        known_noise
            Standard deviation of noise on the context frames: those that a chain continues from are not exact, either.
        bfloat16
            The network multiplies its matrices in bfloat16; prior, path and weights stay in single precision.

        Returns
        -------
        FlowOutput
            Prediction and target; equal on context frames.
        """
        data = given = self.standardise(latents)
        if known_noise:
            given = data + known_noise * normal(data.shape, generator).to(data)
        known = self.given(given, context)
        noise, target_mask = self.prior.sample_noise(data, context, generator), ~context[:, None, None]
        residual = (data - known.mean) * target_mask
        state = self.interpolant.state(residual, noise, tau)
        with torch.autocast(data.device.type, torch.bfloat16, enabled=bfloat16):
            output = self(known.mean * target_mask + state, tau, known.conditioning, context)
        prediction = output.to(data) * target_mask
        implied = self.interpolant.to_data(prediction, state, tau) * target_mask + known.mean
        target = self.interpolant.target(residual, noise, tau)
        return FlowOutput(prediction, target, torch.where(target_mask, implied, data), tau)

    @torch.no_grad()
    def sample(self, latents: Latents, context: ContextMask, solver: Solver, generator: torch.Generator) -> Latents:
        """Draw the target frames of windows given their context frames.

        Parameters
        ----------
        latents
            Windows of the autoencoder's latents; target frames may hold anything finite.
        context
            Which frames are context.
        solver
            How noise is carried to data.
        generator
            Source of the noise, on the CPU, so that every device draws the same.

        Returns
        -------
        Tensor
            The windows, context frames unchanged.
        """
        standardised = self.standardise(latents)
        known = self.given(standardised, context)
        residual = self.carried(
            known, context, solver, lambda: self.prior.sample_noise(standardised, context, generator)
        )
        return torch.where(~context[:, None, None], self.restore(known.mean + residual), latents)

    @torch.no_grad()
    def carried(self, known: Given, context: ContextMask, solver: Solver, noise: Callable[[], Latents]) -> Latents:
        """Carry noise to data.

        Parameters
        ----------
        known
            Of the windows.
        context
            Which frames are context.
        solver
            How; that of the map asks the map, all others the flow.
        noise
            Draws from the prior; zero on context frames.

        Returns
        -------
        Tensor
            Standardised latents less the prior's mean; zero on context frames.
        """
        network = self.map if isinstance(solver, MapSolver) else self
        if network is None:
            raise InputError(NO_MAP)
        target_mask = ~context[:, None, None]
        start = known.mean * target_mask

        def predict(state: Latents, tau: Float[Tensor, " batch"]) -> Latents:
            return network.predicted(start + state, tau, known.conditioning, context, self.prior) * target_mask

        return solver.solve(Dynamics(self.interpolant, predict, noise))
