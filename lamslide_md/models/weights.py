"""Short hashes of weights and arrays: another training, or another start, is another rollout."""

import hashlib

import numpy as np
from torch import nn


def digest_of(*arrays: np.ndarray) -> str:
    """Hash the bytes of arrays to 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]


def weights_digest(*modules: nn.Module) -> str:
    """Hash all weights of networks to 12 hexadecimal digits."""
    return digest_of(*(tensor.cpu().numpy() for module in modules for tensor in module.state_dict().values()))
