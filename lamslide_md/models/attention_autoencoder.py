"""`AttentionAutoencoder`: entities with identifiers into a fixed number of latents, and back by asking."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.data.batch import Batch
from lamslide_md.models.attention import CrossAttention, SelfAttention
from lamslide_md.models.autoencoder import Autoencoder, Decoded, Latents
from lamslide_md.models.identifiers import MAX_DIM, IdentifierPool
from lamslide_md.models.linear_code import LinearCode


class Binding(nn.Module):
    """Bind content to an identifier by multiplication, so that a sum over entities can be read back one by one.

    With orthonormal identifiers, the sum over entities of (content x identifier) is a lossless memory that any
    identifier queries linearly, whichever entity holds it: fresh random assignments are no harder than fixed ones.

    Parameters
    ----------
    content_width
        Channels of what is bound.
    identifier_dim
        Dimensions of an identifier.
    width
        Channels of the result.

    References
    ----------
    Smolensky, Artificial Intelligence 46 (1990) 159, tensor product variable binding.
    """

    def __init__(self, content_width: int, identifier_dim: int, width: int) -> None:
        super().__init__()
        self.content = nn.Linear(content_width, width)
        self.gate = nn.Linear(identifier_dim, width)
        self.offset = nn.Linear(identifier_dim, width)
        nn.init.normal_(self.gate.weight)

    def forward(
        self, content: Float[Tensor, "*batch content"], identifier: Float[Tensor, "*batch identifier"]
    ) -> Float[Tensor, "*batch width"]:
        """Multiply content and identifier, channel by channel, after projecting both."""
        return self.content(content) * self.gate(identifier) + self.offset(identifier)


class AttentionAutoencoder(Autoencoder):
    """Encoder and decoder with identifiers.

    Parameters
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_identifiers
        Size of the identifier pool, at least the number of entities of any system.
    n_slots
        Slots of an entity.
    dim
        Dimensions of space.
    n_latents
        Tokens of the latent state of one frame, L.
    n_channels
        Channels of a token, C.
    width
        Channels inside encoder and decoder.
    n_heads
        Attention heads; divides the width.
    depth
        Self-attention blocks on either side.
    linear_code
        Let the network correct a `LinearCode`, from nothing at the start, and leave the scale of the latents to it;
        otherwise the network is all there is, and its latents are layer-normalised.

    References
    ----------
    LaM-SLidE, arXiv 2502.12128, first stage.
    """

    def __init__(
        self,
        vocabulary_sizes: tuple[int, ...],
        n_identifiers: int,
        n_slots: int,
        dim: int,
        n_latents: int,
        n_channels: int,
        width: int,
        n_heads: int,
        depth: int,
        linear_code: bool = False,
    ) -> None:
        super().__init__(IdentifierPool(n_identifiers, min(max(16, n_identifiers), MAX_DIM)), n_latents, n_channels)
        self.n_slots, self.dim = n_slots, dim
        self.kinds = nn.ModuleList(nn.Embedding(size, width) for size in vocabulary_sizes)
        self.bind_entity = Binding(n_slots * dim, self.pool.dim, width)
        self.entity_mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.latent_queries = nn.Parameter(torch.randn(n_latents, width))
        self.gather = CrossAttention(width, n_heads)
        self.encoder = nn.Sequential(*(SelfAttention(width, n_heads) for _ in range(depth)))
        self.to_latent = nn.Linear(width, n_channels)
        self.latent_norm = nn.Identity() if linear_code else nn.LayerNorm(n_channels, elementwise_affine=False)

        self.from_latent = nn.Linear(n_channels, width)
        self.latent_places = nn.Parameter(0.02 * torch.randn(n_latents, width))
        self.decoder = nn.Sequential(*(SelfAttention(width, n_heads) for _ in range(depth)))
        self.query = nn.Sequential(nn.Linear(self.pool.dim, width), nn.GELU(), nn.Linear(width, width))
        self.read = CrossAttention(width, n_heads)
        self.bind_answer = Binding(width, self.pool.dim, width)
        self.answer_mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.to_positions = nn.Linear(width, n_slots * dim)
        self.to_kinds = nn.ModuleList(nn.Linear(width, size) for size in vocabulary_sizes)
        self.linear_code = (
            LinearCode(vocabulary_sizes, n_identifiers, n_slots * dim, n_latents, n_channels) if linear_code else None
        )
        if linear_code:
            for correction in (self.to_latent, self.to_positions):
                nn.init.zeros_(correction.weight)
                nn.init.zeros_(correction.bias)

    def encode(self, batch: Batch) -> Latents:
        """Encode every frame of every window on its own.

        Parameters
        ----------
        batch
            Centred windows; padding may hold anything.

        Returns
        -------
        Tensor
            Latents; layer-normalised where the network is all there is.
        """
        n_batch, n_frames = batch.positions.shape[:2]
        identifier = self.pool(batch.identifiers)[:, None]
        content = (batch.positions * batch.slot_mask[:, None, :, :, None]).flatten(3)
        tokens = self.bind_entity(content, identifier.expand(-1, n_frames, -1, -1))
        static = sum(table(batch.kinds[..., i]) for i, table in enumerate(self.kinds))
        tokens = tokens + static[:, None] if isinstance(static, Tensor) else tokens
        tokens = (tokens + self.entity_mlp(tokens)).flatten(0, 1)
        mask = batch.entity_mask[:, None].expand(-1, n_frames, -1).flatten(0, 1)
        queries = self.latent_queries.expand(n_batch * n_frames, -1, -1)
        latents = self.encoder(self.gather(queries, tokens, mask))
        written = self.latent_norm(self.to_latent(latents)).unflatten(0, (n_batch, n_frames))
        return written if self.linear_code is None else written + self.linear_code.write(batch)

    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Ask the latents for the entities of a batch by their identifiers; see `Autoencoder`."""
        n_batch, n_frames = latents.shape[:2]
        context = self.decoder(self.from_latent(latents.flatten(0, 1)) + self.latent_places)
        identifier = self.pool(entities.identifiers)[:, None].expand(-1, n_frames, -1, -1).flatten(0, 1)
        answer = self.bind_answer(self.read(self.query(identifier), context), identifier)
        answer = answer + self.answer_mlp(answer)
        positions = self.to_positions(answer).unflatten(0, (n_batch, n_frames))
        if self.linear_code is not None:
            positions = positions + self.linear_code.read(latents, entities)
        positions = positions.unflatten(-1, (self.n_slots, self.dim))
        logits = tuple(head(answer).unflatten(0, (n_batch, n_frames)) for head in self.to_kinds)
        return Decoded(positions * entities.slot_mask[:, None, :, :, None], logits)
