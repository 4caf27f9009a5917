"""Short hashes of weights and arrays: another training, or another start, is another rollout. And their number."""

import numpy as np
from torch import nn

from lamslide_md.hashing import sha256_of


def digest_of(*arrays: np.ndarray) -> str:
    """Hash the bytes of arrays to 12 hexadecimal digits."""
    return sha256_of(array.tobytes() for array in arrays)[:12]


def weights_digest(*modules: nn.Module) -> str:
    """Hash all weights of networks to 12 hexadecimal digits."""
    return digest_of(*(tensor.cpu().numpy() for module in modules for tensor in module.state_dict().values()))


def n_parameters(network: nn.Module) -> int:
    """Count the numbers that are learned."""
    return sum(parameter.numel() for parameter in network.parameters())
