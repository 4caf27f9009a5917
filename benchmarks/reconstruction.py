"""How good the first stage is, by the number of latents and the size of the identifier pool.

    python benchmarks/pretrained.py ala2        # makes two replicates of MD
    python benchmarks/reconstruction.py         # about 15 minutes on one core

First stages of alanine dipeptide (10 heavy atoms), 1,500 steps each: L latents of C channels, and pools of 10 to 64
identifiers, canonical or drawn afresh for every sample. Held-out RMSD; two seeds. Figures go to
benchmarks/results/reconstruction.json and .png.
"""

import argparse
import time
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from common import RESULTS, write_result
from lightning_fabric import Fabric
from replicates import replicate

from lamslide_md.config import preset_settings
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd, train_autoencoder
from lamslide_md.training.gathering import gather
from lamslide_md.training.recordings import prepare_data
from lamslide_md.training.trainer import Engine

matplotlib.use("Agg")

LATENTS = ((1, 16), (1, 32), (2, 16), (4, 16), (4, 8), (8, 16))
POOLS = (10, 16, 32, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    traj = replicate("ala2", 1)
    changes = [{"n_latents": n_latents, "n_channels": n_channels} for n_latents, n_channels in LATENTS]
    changes += [{"n_identifiers": n, "identifiers": how} for how in ("canonical", "random") for n in POOLS]
    rows = []
    for change in changes:
        rows.append(change | trained(traj, change, args))
        print(rows[-1], flush=True)
        write_result("reconstruction", {"steps": args.steps, "seeds": args.seeds, "rows": rows})
    draw(rows)


def trained(traj: Any, change: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:  # noqa: ANN401 - mdtraj's
    """RMSD in Å of every seed, and the time of a training."""
    preset = preset_settings("quick")
    optimisation = preset.autoencoder.optimisation.model_copy(update={"n_steps": args.steps})
    own = preset.autoencoder.model_copy(update={**change, "optimisation": optimisation})
    settings = preset.model_copy(update={"autoencoder": own})
    data = prepare_data(gather(traj, settings), settings, None)
    learned, held_out = data.held_out()
    started_s, rmsd = time.monotonic(), []
    for seed in args.seeds:
        stage = train_autoencoder(Engine(Fabric(accelerator="cpu", devices=1), seed), "none", learned, settings)
        rmsd.append(10 * data.length_scale_nm * reconstruction_rmsd(stage, held_out, settings))
    return {"rmsd_A": rmsd, "training_s": (time.monotonic() - started_s) / len(args.seeds)}


def draw(rows: list[dict[str, Any]]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    by_latents = [row for row in rows if "n_latents" in row]
    names = [f"{row['n_latents']} x {row['n_channels']}" for row in by_latents]
    for i, row in enumerate(by_latents):
        left.plot([i] * len(row["rmsd_A"]), row["rmsd_A"], "o", color="C0")
    left.set(xlabel="latents x channels", ylabel="held-out RMSD, Å", yscale="log", xticks=range(len(names)))
    left.set_xticklabels(names)
    for how, colour in (("canonical", "C0"), ("random", "C1")):
        own = [row for row in rows if row.get("identifiers") == how]
        right.plot(
            [r["n_identifiers"] for r in own], [np.mean(r["rmsd_A"]) for r in own], "o-", color=colour, label=how
        )
    right.set(xlabel="identifiers in the pool (10 atoms)", ylabel="held-out RMSD, Å", xscale="log", yscale="log")
    right.set_xticks(POOLS, [str(n) for n in POOLS])
    right.minorticks_off()
    right.legend(title="identifiers")
    figure.savefig(RESULTS / "reconstruction.png", dpi=120)


if __name__ == "__main__":
    main()
