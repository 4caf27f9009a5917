"""`attend`: dot-product attention, by whichever of two ways is fast on the device and in the number type at hand."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def attend(
    query: Float[Tensor, "*batch queries channels"],
    key: Float[Tensor, "*batch keys channels"],
    value: Float[Tensor, "*batch keys channels"],
) -> Float[Tensor, "*batch queries channels"]:
    """Read from the values, weighted by the softmax of the products of queries and keys.

    PyTorch's fused attention, but on processors in bfloat16: there its backward pass takes 4 to 6 times as long as the
    products written out (`python benchmarks/scaling.py --attention`).

    Parameters
    ----------
    query
        What is asked for.
    key
        What values are found by.
    value
        What is read.

    Returns
    -------
    Tensor
        What each query has read.
    """
    if query.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return functional.scaled_dot_product_attention(query, key, value)
    products = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return products.softmax(dim=-1).to(value) @ value
