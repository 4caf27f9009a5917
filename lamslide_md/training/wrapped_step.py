"""A network's `training_step` as Lightning Fabric runs it: on one device, or with gradients averaged over several."""

from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn, optim

from lamslide_md.shares import each_tensor


class _Flat(nn.Module):
    """Gives what `training_step` gives as a tuple of tensors: Fabric takes no frozen dataclass from several devices."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.like: object = None

    def forward(self, *arguments: object) -> tuple[Tensor, ...]:
        tensors: list[Tensor] = []
        self.like = self.network.training_step(*arguments)  # type: ignore[operator]
        each_tensor(tensors.append, self.like)  # type: ignore[arg-type]
        return tuple(tensors)


def wrapped_step(
    fabric: Fabric, network: nn.Module, optimisers: list[optim.Optimizer]
) -> tuple[Any, list[optim.Optimizer]]:
    """Set a network and its optimisers up for training.

    Parameters
    ----------
    fabric
        Launched, where there are several devices.
    network
        With a method `training_step`.
    optimisers
        Of its parameters.

    Returns
    -------
    training_step
        The method; after it `Fabric.backward` leaves the mean of the gradients of all devices.
    optimisers
        As Fabric runs them.
    """
    if fabric.world_size == 1:
        wrapped, *own = fabric.setup(network, *optimisers)
        wrapped.mark_forward_method("training_step")
        return wrapped.training_step, own
    flat = _Flat(network)
    wrapped, *own = fabric.setup(flat, *optimisers)

    def training_step(*arguments: object) -> object:
        tensors = iter(wrapped(*arguments))
        like, flat.like = flat.like, None
        return each_tensor(lambda _: next(tensors), like)

    return training_step, own
