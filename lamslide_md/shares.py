"""Batches that several processes share: each works on a part, and what is drawn and averaged is that of the whole."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed
from torch.autograd.function import FunctionCtx

Rows = TypeVar("Rows")
Array = Tensor | np.ndarray


@dataclass
class Share:
    """One process's part of every batch: consecutive rows, in the order of the ranks.

    Attributes
    ----------
    rank
        Of this process, from 0.
    n_ranks
        Processes; one has all rows.
    total
        Rows of the batch at hand, of all processes together.
    """

    rank: int = 0
    n_ranks: int = 1
    total: int = 0

    def rows(self, rank: int) -> slice:
        """Rows of a process; parts differ by one row at most."""
        return slice(rank * self.total // self.n_ranks, (rank + 1) * self.total // self.n_ranks)

    def part(self, whole: Rows) -> Rows:
        """Take this process's rows of a batch that every process has; its length becomes that of the batch at hand.

        Parameters
        ----------
        whole
            Tensor or array, or a dataclass of such.

        Returns
        -------
        The same with fewer rows.
        """
        if self.n_ranks == 1:
            return whole
        return each_tensor(self._cut, whole)

    def joined(self, part: Rows) -> Rows:
        """Put the parts of all processes together.

        A loss of what is joined is the same in every process. Its gradient goes back into the own part times the number
        of processes, so that the mean over the processes is the gradient of the whole batch.

        Parameters
        ----------
        part
            Tensor, or a dataclass of tensors: of the batch at hand.

        Returns
        -------
        The whole, in every process.
        """
        if self.n_ranks == 1:
            return part
        return each_tensor(lambda own: _Join.apply(own, replace(self)), part)

    def weighted(self, mean: Tensor) -> Tensor:
        """Turn a mean over the own rows into this process's term of the mean over all processes."""
        own = self.rows(self.rank)
        return mean if self.n_ranks == 1 else mean * ((own.stop - own.start) * self.n_ranks / self.total)

    def averaged(self, value: Tensor) -> Tensor:
        """Mean over the processes, without a gradient."""
        if self.n_ranks == 1:
            return value
        mean = value.detach().clone()
        distributed.all_reduce(mean)
        return mean / self.n_ranks

    def _cut(self, whole: Array) -> Array:
        self.total = len(whole)
        return whole[self.rows(self.rank)]


class SharedGenerator(torch.Generator):
    """A generator that is alike in all processes; what is drawn by `normal` is the own part of a whole batch."""

    share: Share


def seeded(seed: int, share: Share) -> torch.Generator:
    """Make a source of randomness that is alike in all processes.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    share
        This process's part of every batch.

    Returns
    -------
    torch.Generator
        On the CPU.
    """
    if share.n_ranks == 1:
        return torch.Generator().manual_seed(seed)
    generator = SharedGenerator()
    generator.share = share
    return generator.manual_seed(seed)


def seeded_in_turn(seed: int, turn: int, share: Share) -> torch.Generator:
    """Make one of many sources of randomness of the same seed, each of which can be begun without the others.

    Parameters
    ----------
    seed
        Of all of them.
    turn
        Which one.
    share
        This process's part of every batch.

    Returns
    -------
    torch.Generator
        On the CPU.
    """
    state = int(np.random.SeedSequence([seed, turn]).generate_state(1, np.uint64)[0]) >> 1
    return seeded(state, share)


def normal(shape: tuple[int, ...] | torch.Size, generator: torch.Generator | None) -> Tensor:
    """Draw standard normal numbers on the CPU.

    Parameters
    ----------
    shape
        Of the own rows of the batch at hand.
    generator
        Source of randomness; a `SharedGenerator` draws for all rows.

    Returns
    -------
    Tensor
        Own rows.
    """
    if not isinstance(generator, SharedGenerator):
        return torch.randn(shape, generator=generator)
    share = generator.share
    return torch.randn(share.total, *shape[1:], generator=generator)[share.rows(share.rank)]


def mean_of_batch(mean: Tensor, generator: torch.Generator | None) -> Tensor:
    """Turn a mean over the own rows into that of the batch at hand, without a gradient.

    Parameters
    ----------
    mean
        Of own rows.
    generator
        A `SharedGenerator` knows whether there are others.

    Returns
    -------
    Tensor
        The same in every process.
    """
    if not isinstance(generator, SharedGenerator):
        return mean
    return generator.share.averaged(generator.share.weighted(mean))


def each_tensor(change: Callable[[Array], object], held: Rows) -> Rows:
    """Change every tensor or array of a dataclass, of the tuples in it too; what else it holds is left alone."""
    return cast(Rows, _changed(change, held))


def _changed(change: Callable[[Array], object], held: object) -> object:
    if isinstance(held, (Tensor, np.ndarray)):
        return change(held)
    if isinstance(held, tuple):
        return tuple(_changed(change, one) for one in held)
    if is_dataclass(held) and not isinstance(held, type):
        return replace(held, **{field.name: _changed(change, getattr(held, field.name)) for field in fields(held)})
    return held


class _Join(torch.autograd.Function):
    """All parts one after another; backwards the own part of the gradient, times the number of processes."""

    @staticmethod
    def forward(context: FunctionCtx, own: Tensor, share: Share) -> Tensor:
        context.share = share  # type: ignore[attr-defined]
        rows = [share.rows(rank) for rank in range(share.n_ranks)]
        longest = max(part.stop - part.start for part in rows)
        padded = own.new_zeros(longest, *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in rows]
        distributed.all_gather(parts, padded)
        return torch.cat([part[: own.stop - own.start] for part, own in zip(parts, rows, strict=True)])

    @staticmethod
    def backward(context: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        share: Share = context.share  # type: ignore[attr-defined]
        return gradients[0][share.rows(share.rank)] * share.n_ranks, None
