"""Networks of both stages in the sizes that settings and systems ask for."""

import numpy as np

from lamslide_md.choices import Placement, Tokens
from lamslide_md.config import AutoencoderSettings, FlowSettings, Settings
from lamslide_md.data.slots import N_SLOTS
from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.low_rank_prior import LowRankPrior, Prior, keeps_all
from lamslide_md.flow.prior import GaussianPrior, WhitePrior
from lamslide_md.frames import from_settings
from lamslide_md.models.attention_autoencoder import AttentionAutoencoder
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.coordinates import Coordinates
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.flow_network import NetworkSizes
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.principal_axes import PrincipalAxes
from lamslide_md.systems.entities import Entities

MIN_IDENTIFIERS = 16
CHANNEL_STEP = 16

AXES = 24
"""Principal components of a residue: with 20, side chains of beta_peptide are 0.05 Angstrom off a coordinate, with 24
0.014, with 12 0.9."""

AXES_OF_MANY = 48
"""The same of residues of more than fifteen atoms, that is with hydrogens, which turn with methyl and amine groups: in
MD of chignolin atoms are 0.011 Angstrom off a coordinate, with 40 0.21, with 32 0.34."""


def build_autoencoder(systems: list[Entities], settings: AutoencoderSettings, placement: Placement) -> Autoencoder:
    """Make a first stage that fits the largest of the systems.

    Parameters
    ----------
    systems
        Their vocabularies alike.
    settings
        Sizes; those left open are chosen by the numbers of entities and coordinates.
    placement
        How frames are seen, which may need more slots.

    Returns
    -------
    Autoencoder
        With random weights, or none where the latents are the coordinates.
    """
    n_entities = max(e.n_entities for e in systems)
    n_slots = max(e.n_slots for e in systems) + from_settings(placement).windows.extra_slots
    # Of extra slots none: they tell again what others tell.
    n_coordinates = max(e.n_points * e.dim for e in systems)
    vocabulary_sizes = tuple(len(v) for v in systems[0].vocabularies)
    if settings.latents == "coordinates":
        n_identifiers = settings.n_identifiers or n_entities
        return Coordinates(vocabulary_sizes, n_identifiers, n_slots, systems[0].dim)
    n_latents = settings.n_latents or n_entities
    if settings.latents == "axes":
        n_most = max(int(np.bincount(e.entity_of_point).max()) for e in systems)
        return PrincipalAxes(
            vocabulary_sizes,
            n_identifiers=settings.n_identifiers or n_entities,
            n_slots=n_slots,
            dim=systems[0].dim,
            n_latents=n_latents,
            n_channels=settings.n_channels or min(_n_axes(n_most), n_most * systems[0].dim),
        )
    per_latent = -(-n_coordinates // n_latents)
    return AttentionAutoencoder(
        vocabulary_sizes=vocabulary_sizes,
        n_identifiers=settings.n_identifiers or max(n_entities, 0 if settings.linear_code else MIN_IDENTIFIERS),
        n_slots=n_slots,
        dim=systems[0].dim,
        n_latents=n_latents,
        n_channels=settings.n_channels or -(-per_latent // CHANNEL_STEP) * CHANNEL_STEP,
        width=settings.width,
        n_heads=settings.n_heads,
        depth=settings.depth,
        linear_code=settings.linear_code,
    )


def _n_axes(n_points: int) -> int:
    """Principal components of an entity of so many points."""
    return AXES if n_points <= N_SLOTS else AXES_OF_MANY


def build_flow(autoencoder: Autoencoder, settings: Settings, with_map: bool = True) -> LatentFlow:
    """Make a second stage for the latents of a first.

    Parameters
    ----------
    autoencoder
        The first stage.
    settings
        Sizes, path, prior; and the placement: frames of windows placed as a whole are not alike.
    with_map
        Whether it has the map that the settings ask for, if they do.

    Returns
    -------
    LatentFlow
        With random weights, its prior and normalisation not yet estimated.
    """
    own = settings.flow
    stationary = not from_settings(settings.placement).windows.per_window
    interpolant = interpolant_of(own.path, own.prediction)
    flow = LatentFlow(_sizes(autoencoder, own, own.sizes), interpolant, _prior(own, autoencoder, stationary))
    if with_map and own.map is not None:
        flow.map = build_map(autoencoder, settings)
    return flow


def build_map(autoencoder: Autoencoder, settings: Settings) -> FlowMap:
    """Make a map for a second stage.

    Parameters
    ----------
    autoencoder
        The first stage.
    settings
        Sizes.

    Returns
    -------
    FlowMap
        With random weights.
    """
    return FlowMap(_sizes(autoencoder, settings.flow, settings.flow.map_sizes))


def _sizes(autoencoder: Autoencoder, settings: FlowSettings, own: tuple[Tokens, int, int, int]) -> NetworkSizes:
    """Sizes of a network for the latents of a first stage, with its own tokens, width, depth and heads."""
    tokens, width, depth, n_heads = own
    return NetworkSizes(
        autoencoder.n_latents,
        autoencoder.n_channels,
        settings.n_frames,
        width,
        depth,
        n_heads,
        tokens,
        settings.whitened,
        settings.code_width or 0,
    )


def _prior(settings: FlowSettings, autoencoder: Autoencoder, stationary: bool) -> Prior:
    """Where the flow starts from, in a size that the latents allow."""
    if settings.prior == "white":
        return WhitePrior()
    n_features = autoencoder.n_latents * autoencoder.n_channels
    if stationary and not keeps_all(settings.n_frames, n_features):
        return LowRankPrior(settings.n_frames, autoencoder.n_latents, autoencoder.n_channels, settings.whitened)
    return GaussianPrior(settings.n_frames, n_features, stationary)
