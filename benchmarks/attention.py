"""Attention maps of a first stage: which atoms or residues a latent reads, and which latents an identifier asks.

    python benchmarks/attention.py --model ala2

Mean over heads and over the frames that come with the model. Figures go to benchmarks/results/attention_MODEL.json and
.png.
"""

import argparse
from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from common import RESULTS, write_result
from torch import Tensor

import lamslide_md as lam
from lamslide_md.frames import from_settings
from lamslide_md.models.attention import CrossAttention
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.windows import Series

matplotlib.use("Agg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ala2", help="of the models that ship")
    name = parser.parse_args().model
    model = lam.load_pretrained(name)
    stage = model.autoencoder
    if not isinstance(stage, Autoencoder):
        raise SystemExit("a first stage without attention has no maps")
    system = model.systems[0]
    frames = Series(system.entities, model.starts_nm[0][:, 0] / np.float32(model.length_scale_nm))
    batch = frames.batch(np.arange(len(frames.points))[:, None])
    maps: dict[str, np.ndarray] = {}
    batch = from_settings(model.settings.placement).windows.apply(batch)
    with Watched(stage.gather, maps, "encoder"), Watched(stage.read, maps, "decoder"), torch.no_grad():
        stage.decode(stage.encode(batch), batch)
    names = [str(residue) for residue in system.topology.residues]
    if model.settings.autoencoder.entities == "atoms":
        names = [str(atom).split("-")[0][:3] + "-" + atom.name for atom in system.topology.atoms]
    write_result(f"attention_{name}", {"entities": names, **{key: value.tolist() for key, value in maps.items()}})
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.28 * len(names) + 2), constrained_layout=True)
    for axis, (key, title) in zip(
        axes, (("encoder", "latents read entities"), ("decoder", "identifiers ask latents")), strict=True
    ):
        shown = maps[key].T if key == "encoder" else maps[key]
        image = axis.imshow(shown, aspect="auto", vmin=0, cmap="viridis")
        axis.set(title=title, xlabel="latent", xticks=range(shown.shape[1]), yticks=range(len(names)))
        axis.set_yticklabels(names, fontsize=8)
        figure.colorbar(image, ax=axis, label="mean attention weight")
    figure.savefig(RESULTS / f"attention_{name}.png", dpi=120)


class Watched:
    """Keep the mean weights of a block's attention while it is used."""

    def __init__(self, block: CrossAttention, maps: dict[str, np.ndarray], name: str) -> None:
        self.block, self.maps, self.name = block, maps, name
        self.remove: Callable[[], None]

    def __enter__(self) -> None:
        def look(block: CrossAttention, given: tuple[Tensor, ...], _: Tensor) -> None:
            query, context = given[:2]
            k = block.to_key_value(block.norm_context(context)).chunk(2, dim=-1)[0]
            q = block.to_query(block.norm_query(query))
            q, k = (t.unflatten(-1, (block.n_heads, -1)).transpose(1, 2) for t in (q, k))
            q, k = block.norm_q(q), block.norm_k(k)
            weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
            self.maps[self.name] = weights.mean(dim=(0, 1)).numpy()

        self.remove = self.block.register_forward_hook(look).remove

    def __exit__(self, *_: object) -> None:
        self.remove()


if __name__ == "__main__":
    main()
