"""`LinearCode`: where entities are and of what kind, written into latents and read back, linearly and by identifier."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.data.batch import Batch


class LinearCode(nn.Module):
    """A sum over entities of what each holds, mapped by the matrix of its identifier; other matrices read it back.

    An entity holds its positions, and its kinds where there are channels for them. Every identifier starts with a home,
    one of the latents, in which it has directions of its own: where channels are as many as the coordinates, nothing is
    lost before training begins. The directions are the same in all homes, so that what the flow learns of one latent
    holds for the others.

    Parameters
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_identifiers
        Size of the pool.
    n_coordinates
        Coordinates of an entity: slots times dimensions.
    n_latents
        Tokens of a latent frame.
    n_channels
        Channels of a token.

    References
    ----------
    Smolensky, Artificial Intelligence 46 (1990) 159, tensor product variable binding.
    """

    def __init__(
        self,
        vocabulary_sizes: tuple[int, ...],
        n_identifiers: int,
        n_coordinates: int,
        n_latents: int,
        n_channels: int,
    ) -> None:
        super().__init__()
        n_sharing = -(-n_identifiers // n_latents)
        fits = n_sharing * (n_coordinates + sum(vocabulary_sizes)) <= n_channels
        self.vocabulary_sizes = vocabulary_sizes if fits else ()
        n_held = n_coordinates + sum(self.vocabulary_sizes)
        directions = nn.init.orthogonal_(torch.empty(n_sharing * n_held, n_channels))
        directions = directions.unflatten(0, (n_sharing, n_held))
        identifier = torch.arange(n_identifiers)
        write = torch.zeros(n_identifiers, n_held, n_latents, n_channels)
        write[identifier, :, identifier % n_latents] = directions[identifier // n_latents]
        self.write_by = nn.Parameter(write)
        self.read_by = nn.Parameter(write[:, :n_coordinates].clone())

    def write(self, batch: Batch) -> Float[Tensor, "batch frames tokens channels"]:
        """Sum what all entities hold; padding holds nothing."""
        held = batch.contents(self.vocabulary_sizes)
        return torch.einsum("bfek,bektc->bftc", held, self.write_by[batch.identifiers])

    def read(
        self, latents: Float[Tensor, "batch frames tokens channels"], entities: Batch
    ) -> Float[Tensor, "batch frames entities coordinates"]:
        """Read the positions of entities; they are asked for by their identifiers only."""
        return torch.einsum("bftc,bektc->bfek", latents, self.read_by[entities.identifiers])
