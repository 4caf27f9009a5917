"""`LinearCode`: where entities are, written into latents and read back, linearly and by identifier."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lamslide_md.data.batch import Batch


class LinearCode(nn.Module):
    """A sum over entities of positions, each mapped by the matrix of its identifier; other matrices read them back.

    Every identifier starts with a home, one of the latents, in which it has directions of its own: where all channels
    are as many as the coordinates, nothing is lost before training begins.

    Parameters
    ----------
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

    def __init__(self, n_identifiers: int, n_coordinates: int, n_latents: int, n_channels: int) -> None:
        super().__init__()
        write = torch.zeros(n_identifiers, n_coordinates, n_latents, n_channels)
        for latent in range(n_latents):
            own = torch.arange(latent, n_identifiers, n_latents)
            n_rows = len(own) * n_coordinates
            directions = torch.empty(n_rows, n_channels)
            nn.init.orthogonal_(directions)
            write[own, :, latent] = directions.unflatten(0, (len(own), n_coordinates))
        self.write_by, self.read_by = nn.Parameter(write), nn.Parameter(write.clone())

    def write(self, batch: Batch) -> Float[Tensor, "batch frames tokens channels"]:
        """Sum what all entities hold; padding holds nothing."""
        positions = batch.with_positions(batch.positions).positions.flatten(3)
        return torch.einsum("bfek,bektc->bftc", positions, self.write_by[batch.identifiers])

    def read(
        self, latents: Float[Tensor, "batch frames tokens channels"], identifiers: Int[Tensor, "batch entities"]
    ) -> Float[Tensor, "batch frames entities coordinates"]:
        """Read what the entities of some identifiers hold."""
        return torch.einsum("bftc,bektc->bfek", latents, self.read_by[identifiers])
