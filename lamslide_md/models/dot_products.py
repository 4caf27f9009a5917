"""`attend`: dot-product attention, by whichever way is fast on the device and for the axis at hand."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

LONG = 256
"""Keys from which on the products of a processor are not written out: they would take much memory."""


def attend(
    query: Float[Tensor, "*batch queries channels"],
    key: Float[Tensor, "*batch keys channels"],
    value: Float[Tensor, "*batch keys channels"],
) -> Float[Tensor, "*batch queries channels"]:
    """Read from the values, weighted by the softmax of the products of queries and keys.

    PyTorch's fused attention on GPUs. On processors products are written out, those of two frames without products of
    matrices: forwards and back this takes 0.7 to 1.0 times as long for the axes of windows, in bfloat16 a quarter or as
    long, which differs from processor to processor (`python benchmarks/scaling.py --attention`).

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
    n_keys = key.shape[-2]
    if query.device.type != "cpu" or n_keys > LONG:
        return functional.scaled_dot_product_attention(query, key, value)
    query = query * query.shape[-1] ** -0.5
    if n_keys > 2:
        return (query @ key.transpose(-1, -2)).softmax(dim=-1).to(value) @ value
    products = (query.unsqueeze(-2) * key.unsqueeze(-3)).sum(dim=-1)
    return (products.softmax(dim=-1).to(value).unsqueeze(-1) * value.unsqueeze(-3)).sum(dim=-2).to(value)
