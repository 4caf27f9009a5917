"""What a training needs of memory, told before anything is computed."""

import torch

from lamslide_md.config import Settings
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError
from lamslide_md.flow.low_rank_prior import keeps_all
from lamslide_md.memory import available_bytes
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.building import build_flow
from lamslide_md.training.flow_stage import SAMPLE_NUMBERS, SAMPLE_WINDOWS
from lamslide_md.training.windows import SystemDataset

BYTES = 4
"""Of a number in single precision."""

WEIGHT_COPIES = 8
"""Of a network that is trained: itself, its average, gradients, two moments, and what is kept to go back to."""

KEPT_OF_A_BLOCK = 28
"""Numbers for each channel of a token in a block of the networks: 16 to 19 are kept for the gradient, the rest is for
the way back."""

TRAINED_WITH = ("weights", "gradients")
"""What is on the device that trains."""

SAMPLE_COPIES = 4
"""Of the windows from which prior and normalisation are estimated: as drawn, centred, projected, and what is left."""

DENSE_COPIES = 3
"""Of the covariance of whole windows, in double precision: itself, its eigenvectors, what is made of them."""


def needed_bytes(autoencoder: Autoencoder, datasets: list[SystemDataset], settings: Settings) -> dict[str, float]:
    """Estimate the memory of a training, from what was measured.

    Parameters
    ----------
    autoencoder
        First stage, which may be on the meta device.
    datasets
        Trajectories.
    settings
        Of both stages.

    Returns
    -------
    dict
        Bytes by what they are for.
    """
    own, first = settings.flow, settings.autoencoder
    n_features = autoencoder.n_latents * autoencoder.n_channels
    n_frames = sum(len(d.points) for d in datasets if not isinstance(d.points, StoredFrames))
    n_windows = min(SAMPLE_WINDOWS, max(1, SAMPLE_NUMBERS // (own.n_frames * n_features)), max(n_frames, 1))
    tokens = {"latents": own.n_frames * autoencoder.n_latents, "frames": own.n_frames, "windows": autoencoder.n_latents}
    blocks = own.depth * (2 if own.tokens == "latents" else 1)
    of_flow = own.optimisation.batch_size * tokens[own.tokens] * blocks * own.width * KEPT_OF_A_BLOCK
    n_entities = max(d.entities.n_entities for d in datasets)
    of_first = 0
    if list(autoencoder.parameters()):
        n_tokens = 2 * n_entities + (2 * first.depth + 1) * autoencoder.n_latents
        of_first = first.optimisation.batch_size * n_tokens * first.width * KEPT_OF_A_BLOCK
    with torch.device("meta"):
        networks = (autoencoder, build_flow(autoencoder, settings))
    n_weights = max(sum(p.numel() for p in network.parameters()) for network in networks)
    dense = own.prior == "gaussian" and keeps_all(own.n_frames, n_features)
    return {
        "latents of all frames": float(BYTES * n_frames * n_features),
        "sample of windows": float(BYTES * SAMPLE_COPIES * n_windows * own.n_frames * n_features),
        "covariances": float(2 * BYTES * DENSE_COPIES * (own.n_frames * n_features) ** 2) if dense else 0.0,
        "weights": float(BYTES * WEIGHT_COPIES * n_weights),
        "gradients": float(BYTES * max(of_flow, of_first)),
    }


def check_memory(
    autoencoder: Autoencoder, datasets: list[SystemDataset], settings: Settings, device: torch.device
) -> None:
    """Refuse a training that would not fit.

    Parameters
    ----------
    autoencoder
        First stage, which may be on the meta device.
    datasets
        Trajectories.
    settings
        Of both stages.
    device
        Where it will be trained.

    Raises
    ------
    InputError
        If more is needed than there is, with both, and what to change.
    """
    needed, available = needed_bytes(autoencoder, datasets, settings), available_bytes()
    if device.type == "cuda":
        free, on_device = torch.cuda.mem_get_info(device)[0], {what: needed[what] for what in TRAINED_WITH}
        if sum(on_device.values()) > free:
            raise InputError(_sentence(on_device, float(free), settings, "the device"))
        needed = needed | dict.fromkeys(TRAINED_WITH, 0.0)
    if sum(needed.values()) > available:
        raise InputError(_sentence(needed, available, settings, "this machine"))


def _sentence(needed: dict[str, float], available: float, settings: Settings, where: str) -> str:
    parts = ", ".join(f"{what} {size / 2**30:.1f}" for what, size in needed.items() if size > 0.05 * 2**30)
    size = settings.flow.optimisation.batch_size
    mend = f"flow.optimisation.batch_size={max(1, size // 4)} (not {size}) or autoencoder.n_channels below what it is"
    if max(needed, key=needed.__getitem__) == "weights":
        mend = f"autoencoder.width (now {settings.autoencoder.width}) or flow.width (now {settings.flow.width}) lower"
    elif settings.placement != "poses":
        mend = f"preset protein, which is made for long chains, or {mend}"
    return (
        f"training needs about {sum(needed.values()) / 2**30:.1f} GiB of memory ({parts} GiB), {where} has "
        f"{available / 2**30:.1f}; use {mend}"
    )
