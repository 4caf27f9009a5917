"""Settings of both stages."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lamslide_md.choices import SEEN_BY_RESIDUE, Assignment, LatentKind, Placement, Prediction, Tokens
from lamslide_md.errors import InputError, in_one_line

# Bounds that no network reaches: a damaged model file may claim any size.
Size = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Depth = Annotated[int, Field(ge=0, le=1000)]
Steps = Annotated[int, Field(gt=0, le=100_000_000)]
"""The largest number takes more than a day where a step takes a millisecond."""
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
"""Of a loss beside others, or of noise beside the scale of what it is added to."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
NumberType = Literal["float32", "bfloat16"]


class Optimisation(BaseModel):
    """How a stage is optimised, with warm-up and linear decay of the learning rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_steps: Steps
    matrices: Literal["muon", "adamw"] = "muon"
    """Optimiser of the hidden matrices; everything else is AdamW's."""
    iteration_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number type of Muon's iteration; auto: bfloat16 where a timing at the start shows that it is faster."""
    batch_size: Size = 64
    learning_rate: float = Field(default=1e-3, gt=0, le=1, allow_inf_nan=False)
    weight_decay: float = Field(default=1e-4, ge=0, le=1, allow_inf_nan=False)
    """Part of a weight by which it shrinks in a step, in learning rates."""
    warmup_steps: Steps = 100
    constant_fraction: Share = 0.3
    """Fraction of the steps before the learning rate begins to fall to zero."""
    gradient_norm: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    """Gradients longer than this are shortened to it."""
    ema_decay: Share = 0.999
    """Part of the averaged weights that a step leaves as it is."""


class AutoencoderSettings(BaseModel):
    """First stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimisation: Optimisation
    latents: LatentKind = "learned"
    entities: Literal["atoms", "residues"] = "atoms"
    identifiers: Assignment = "canonical"
    n_identifiers: Size | None = None
    """Size of the pool; None: the number of entities, and at least 16 without a linear code."""
    n_latents: Size | None = 2
    """None: the number of entities."""
    n_channels: Size | None = None
    """Channels of a latent; None: as many as hold all coordinates, in steps of 16."""
    width: Width = 96
    depth: Depth = 1
    n_heads: Width = 4
    linear_code: bool = False
    """Begin with a linear code of positions and kinds and correct it; False: learn everything, as published."""
    latent_noise: Weight = 0.1
    """Standard deviation of noise on the latents in training, in root mean squares of them: the decoder then forgives
    the flow's errors."""
    rotate: bool = False
    """Turn every sample by a random rotation."""
    distance_weight: Weight = 1.0
    """Weight of the mean squared error of distances: of all pairs of atoms, with placement=local of those in a residue
    and of the ends of its neighbours that it is shown with."""
    stiffness: Share = 0.5
    """Share of the distance loss that weighs pairs by the inverse variance of their distance; 0 as published."""
    kind_weight: Weight = 0.01

    @model_validator(mode="after")
    def _has_whole_heads(self) -> "AutoencoderSettings":
        if self.width % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide width={self.width}")
        return self


class MapSettings(BaseModel):
    """Map of the flow, which leads to the end of its path in one evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimisation: Optimisation
    tokens: Tokens | None = None
    """What is a token of its network; None: as in the flow, and likewise below. A network that is like the flow's, or
    differs in its depth only, begins with the flow's weights."""
    width: Width | None = None
    depth: Depth | None = None
    n_heads: Width | None = None
    n_uses: Size = 8
    """Times that what the flow was asked for is learned from, on average."""
    later: Share = 0.25
    """Share of the samples that begin halfway: what a second evaluation is asked for."""


class FlowSettings(BaseModel):
    """Second stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimisation: Optimisation
    n_frames: Size = 16
    """Frames of the longest window, in which gaps between context frames are filled."""
    forward_frames: Size | None = None
    """Frames of a window that goes forwards, of which rollouts are chained; None: `n_frames`."""
    n_known: Size = 1
    path: Literal["linear", "gvp", "vp"] = "gvp"
    prediction: Prediction = "velocity"
    prior: Literal["gaussian", "white"] = "gaussian"
    """Where the flow starts from: the best linear model of the latents' dynamics, or white noise."""
    tokens: Tokens = "latents"
    width: Width = 96
    depth: Depth = 3
    n_heads: Width = 4
    whitened: bool = False
    """Let the network read and write in units of the prior's noise, too, and let its errors count there as much as in
    the latents: small motion is not drowned by large."""
    code_width: Width | None = None
    """Channels of a code of each latent, by which the network treats it in its own way; None: all alike."""
    reverse_time: bool = True
    """Run half of the windows backwards: the positions of equilibrium dynamics are reversible in time."""
    bridging: Share = 0.2
    """Share of the batches with context frames at both ends, for transition paths and upsampling."""
    known_noise: Weight = 0.0
    """Standard deviation of noise on context frames in training, in that of the latents; chains then forgive errors."""
    bfloat16: bool = False
    """Multiply matrices in bfloat16 in training; left aside where a timing at the start shows that this is slower,
    unless `optimisation.iteration_dtype` is bfloat16, too."""
    slow_weight: Weight = 0.0
    """Weight of errors along the latents' slow coordinates, beside 1 for errors in all directions alike."""
    decoded_weight: Weight = 0.0
    """Weight of the losses of positions and distances decoded from the implied window (arXiv 2502.12128)."""
    map: MapSettings | None = None
    """Learned from the flow when that is trained; None: frames are drawn by the flow itself."""

    @model_validator(mode="after")
    def _fits_together(self) -> "FlowSettings":
        if not self.n_known < self.n_forward <= self.n_frames:
            raise ValueError(
                f"n_known={self.n_known}, forward_frames={self.n_forward} and n_frames={self.n_frames} must rise in "
                "this order, the first two strictly"
            )
        # Where frames attend to one another, channels of a head are turned in pairs.
        for of, (tokens, width, _, n_heads) in (("", self.sizes), ("map.", self.map_sizes)):
            divided, what = (width, "") if tokens == "windows" else (width / 2, "half of ")
            if divided % n_heads:
                raise ValueError(f"{of}n_heads={n_heads} must divide {what}{of}width={width}")
        if self.map and self.prediction == "noise":
            raise ValueError(
                "a map needs prediction=data or velocity: noise says nothing of the path's end at its start"
            )
        return self

    @property
    def sizes(self) -> tuple[Tokens, int, int, int]:
        """Tokens, width, depth and heads of the network."""
        return self.tokens, self.width, self.depth, self.n_heads

    @property
    def map_sizes(self) -> tuple[Tokens, int, int, int]:
        """The same of the map's network."""
        if self.map is None:
            return self.sizes
        own = self.map
        return (
            own.tokens or self.tokens,
            own.width or self.width,
            self.depth if own.depth is None else own.depth,
            own.n_heads or self.n_heads,
        )

    @property
    def n_forward(self) -> int:
        """Frames of a window that goes forwards."""
        return self.forward_frames or self.n_frames


class Settings(BaseModel):
    """All that a training depends on besides its data and seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    autoencoder: AutoencoderSettings
    flow: FlowSettings
    frame_interval_ps: float = Field(gt=0, allow_inf_nan=False)
    placement: Placement = "superposed"
    exchange: bool = False
    """Give atoms that half a turn of their group exchanges (carboxylates, phenyl rings) canonical names."""
    atoms: str = "heavy"
    """Atoms that are modelled: heavy, all, or a selection in mdtraj's language."""
    check_bonds: bool = True
    """Refuse data with broken bonds; not for protons that jump, nor for coarse-grained beads."""

    @model_validator(mode="after")
    def _suits_the_placement(self) -> "Settings":
        own, by_residue = self.autoencoder, self.placement in SEEN_BY_RESIDUE
        if by_residue and (own.entities != "residues" or own.rotate):
            raise ValueError(
                f"placement={self.placement} sees residues, and no rotation of the whole: it needs "
                f"autoencoder.entities=residues (not {own.entities}) and autoencoder.rotate=false "
                f"(not {str(own.rotate).lower()})"
            )
        if by_residue and self.flow.decoded_weight > 0:
            raise ValueError(
                f"placement={self.placement} decodes every residue in a frame of reference of its own, between which "
                f"there are no distances: it needs flow.decoded_weight=0 (not {self.flow.decoded_weight:g})"
            )
        return self


def checked(settings: Settings | dict[str, Any], name: str = "") -> Settings:
    """Check settings again, as those that were changed by `model_copy` have not been.

    Parameters
    ----------
    settings
        In full, or what they are made of.
    name
        Of what has set them: an error begins with it.

    Returns
    -------
    Settings
        The same.

    Raises
    ------
    InputError
        If a value is impossible, with its name.
    """
    try:
        return Settings.model_validate(settings.model_dump() if isinstance(settings, Settings) else settings)
    except ValidationError as error:
        issue = error.errors()[0]
        value = "" if isinstance(issue["input"], dict) else f"={in_one_line(issue['input'])}"
        where = " ".join(filter(None, (name, ".".join(map(str, issue["loc"])) + value)))
        raise InputError(f"{where or 'settings'}: {issue['msg']}") from error
