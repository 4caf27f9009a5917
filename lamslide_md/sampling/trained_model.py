"""`TrainedModel`: what training leaves, and the loop that draws windows with it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lamslide_md.config import Settings
from lamslide_md.frames import from_settings
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.sampling.propagator import Propagator
from lamslide_md.sampling.settings import Sampling
from lamslide_md.systems.resolver import SystemResolver, stored_extents
from lamslide_md.systems.system import System


@dataclass(frozen=True)
class TrainedModel:
    """A trained model of the dynamics of one or more systems at one temperature and frame interval.

    Attributes
    ----------
    autoencoder, flow
        The two stages, frozen.
    systems
        What the model was trained on; their vocabularies are the model's.
    starts_nm
        Of a single system: windows of context frames from the training data, (starts, context frames, points, dim).
    settings
        Of the training.
    length_scale_nm
        Unit of length inside the model: the standard deviation of the coordinates.
    frame_interval_ps
        Time between two frames.
    temperature_K
        Of the training data; None if unknown.
    provenance
        JSON-able: data hash, seed, versions, training times, held-out error.
    """

    autoencoder: Autoencoder
    flow: LatentFlow
    systems: tuple[System, ...]
    starts_nm: tuple[Float[np.ndarray, "_ _ _ dim"], ...]
    settings: Settings
    length_scale_nm: float
    frame_interval_ps: float
    temperature_K: float | None
    provenance: dict[str, Any]

    @property
    def resolver(self) -> SystemResolver:
        """What the model can be asked about."""
        extents_nm = stored_extents(self.provenance, len(self.systems))
        return SystemResolver(self.systems, self.settings, self.autoencoder.pool.size, extents_nm)

    def propagator(self, system: System, sampling: Sampling) -> Propagator:
        """Set both stages to work on one system.

        Parameters
        ----------
        system
            What moves.
        sampling
            How windows are drawn, with a solver chosen; the seed is a matter of the `ChainState`.

        Returns
        -------
        Propagator
            Draws windows, in units of the length scale.
        """
        return Propagator(
            self.autoencoder,
            self.flow,
            self.settings.flow.n_forward,
            from_settings(self.settings.placement),
            system,
            self.length_scale_nm,
            sampling.make_solver(),
            sampling.constrain,
        )

    def _placed(
        self, system: System, frames_nm: Float[np.ndarray, "windows context points dim"]
    ) -> Float[np.ndarray, "windows context points dim"]:
        """Place and scale context frames."""
        placed = np.stack([system.place(frames, self.settings.placement) for frames in frames_nm])
        return (placed / np.float32(self.length_scale_nm)).astype(np.float32)

    def _facts(self, system: System, sampling: Sampling) -> dict[str, Any]:
        """Settings and provenance of what is drawn, JSON-able."""
        return asdict(sampling) | {
            "in_training": self.resolver.has_learned(system),
            "temperature_K": self.temperature_K,
            "model": self.provenance,
        }
