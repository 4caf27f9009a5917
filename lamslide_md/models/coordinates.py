"""`Coordinates`, the first stage that learns nothing: what a flow without a latent space would see."""

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder, Decoded, Latents
from lamslide_md.models.held_contents import HeldContents
from lamslide_md.models.identifiers import MAX_DIM, IdentifierPool


class Coordinates(Autoencoder):
    """One token for each identifier, which holds the coordinates and kinds of its entity: the baseline of the method.

    A kind is one number (see `HeldContents`): one-hot kinds would be most of a molecule's features, and the prior's
    covariance has the square of them times the frames.

    Parameters
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_identifiers
        Tokens; at least the number of entities of any system.
    n_slots
        Slots of an entity.
    dim
        Dimensions of space.
    """

    def __init__(self, vocabulary_sizes: tuple[int, ...], n_identifiers: int, n_slots: int, dim: int) -> None:
        pool = IdentifierPool(n_identifiers, min(n_identifiers, MAX_DIM))
        self.held = HeldContents(vocabulary_sizes, n_slots, dim)
        super().__init__(pool, n_identifiers, self.held.n_held)

    def encode(self, batch: Batch) -> Latents:
        """Put every entity's coordinates and kinds into the token of its identifier; other tokens are zero."""
        return self.held.of(batch, self.n_latents)

    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Take the coordinates of the entities out of their tokens."""
        return self.held.decoded(latents, entities)
