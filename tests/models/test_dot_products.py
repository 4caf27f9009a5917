"""Attention written out on processors is the fused one, forwards and back."""

import pytest
import torch
from torch.nn import functional

from lamslide_md.models.dot_products import attend

N_KEYS = pytest.mark.parametrize("n_keys", [1, 2, 3, 9])
"""Axes of one and two are written out in another way."""


@N_KEYS
def test_in_bfloat16_it_is_as_near_to_single_precision_as_fused(n_keys: int) -> None:
    """Values and gradients of both ways err alike."""
    inputs = _drawn(n_keys)
    exact = _read_and_gradients(attend, inputs, number_type=torch.float32)
    fused = _read_and_gradients(functional.scaled_dot_product_attention, inputs, number_type=torch.bfloat16)
    written_out = _read_and_gradients(attend, inputs, number_type=torch.bfloat16)
    for truth, one, other in zip(exact, fused, written_out, strict=True):
        error = (one - truth).square().mean().sqrt()
        assert error > 0 or n_keys == 1
        assert (other - truth).square().mean().sqrt() <= 1.5 * error


@N_KEYS
def test_in_single_precision_it_is_fused_attention_to_rounding(n_keys: int) -> None:
    """Values and gradients of both ways are alike."""
    inputs = _drawn(n_keys)
    fused = _read_and_gradients(functional.scaled_dot_product_attention, inputs, number_type=torch.float32)
    written_out = _read_and_gradients(attend, inputs, number_type=torch.float32)
    for one, other in zip(fused, written_out, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def _drawn(n_keys: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(3, 2, n, 16, requires_grad=True) for n in (5, n_keys, n_keys)]


def _read_and_gradients(attention, inputs: list[torch.Tensor], number_type: torch.dtype) -> list[torch.Tensor]:
    with torch.autocast("cpu", torch.bfloat16, enabled=number_type == torch.bfloat16):
        read = attention(*(x.to(number_type) for x in inputs))
        loss = (read.float() * torch.arange(16)).sum()
    return [read.detach().float(), *torch.autograd.grad(loss, inputs)]
