"""Attention written out for bfloat16 on processors is the fused one, forwards and back."""

import torch
from torch.nn import functional

from lamslide_md.models.dot_products import attend


def test_written_out_is_as_near_to_single_precision_as_fused() -> None:
    """Values and gradients of both ways err alike."""
    torch.manual_seed(0)
    inputs = [torch.randn(3, 2, 9, 16, requires_grad=True) for _ in range(3)]
    exact = _read_and_gradients(attend, inputs, number_type=torch.float32)
    fused = _read_and_gradients(functional.scaled_dot_product_attention, inputs, number_type=torch.bfloat16)
    written_out = _read_and_gradients(attend, inputs, number_type=torch.bfloat16)
    for truth, one, other in zip(exact, fused, written_out, strict=True):
        error = (one - truth).square().mean().sqrt()
        assert error > 0
        assert (other - truth).square().mean().sqrt() < 1.5 * error


def test_single_precision_is_the_fused_attention() -> None:
    """Outside autocast nothing changes, to the bit."""
    inputs = [torch.randn(3, 2, 9, 16) for _ in range(3)]
    assert torch.equal(attend(*inputs), functional.scaled_dot_product_attention(*inputs))


def _read_and_gradients(attention, inputs: list[torch.Tensor], number_type: torch.dtype) -> list[torch.Tensor]:
    with torch.autocast("cpu", torch.bfloat16, enabled=number_type == torch.bfloat16):
        read = attention(*(x.to(number_type) for x in inputs))
        loss = (read.float() * torch.arange(16)).sum()
    return [read.detach().float(), *torch.autograd.grad(loss, inputs)]
