"""A million chained frames: whether the end of long chains differs from their beginning, and what breaks on the way.

    python benchmarks/pretrained.py ala2            # makes the model and two replicates of MD
    python benchmarks/stability.py ala2             # a million frames; a quarter of an hour on one core

Chains of 10,000 frames. Told for every tenth of the chains: the Jensen-Shannon distance of the torsions to MD, and the
shares of frames with a bad bond, a flipped C-alpha or a clash; and the distance of the last tenth to the first beside
that of two halves of the chains in the first, which is chance. Figures go to benchmarks/results/stability_NAME.json.
"""

import argparse

import numpy as np
from common import replicate, write_result

import lamslide_md as lam
from lamslide_md.analysis.distributions import torsion_js_distances
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.analysis.structure import check_structure, learn_structure

PARTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of a model that ships")
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--frames", type=int, default=10_000, help="of each chain")
    args = parser.parse_args()
    model = lam.load_pretrained(args.name)
    held_out = replicate(args.name, 2)
    torsions = find_torsions(held_out.topology, held_out.xyz[:1])
    truth = torsion_angles(held_out.xyz, torsions)
    rules = learn_structure(held_out.topology, [held_out.xyz])
    angles = np.empty((args.chains, args.frames, truth.shape[1]), dtype=np.float32)
    faults = np.zeros((args.frames, 3))
    done = 0
    rollout = model.rollout("reference", args.frames, n_chains=args.chains, seed=1)
    for chunk in rollout.chunks():
        n_new = chunk.shape[1]
        frames = chunk.reshape(-1, *chunk.shape[2:])
        angles[:, done : done + n_new] = torsion_angles(frames, torsions).reshape(args.chains, n_new, -1)
        checked = check_structure(rules, [frames])
        flags = np.stack([checked.broken_bond, checked.flipped, checked.clash], axis=1)
        faults[done : done + n_new] = flags.reshape(args.chains, n_new, 3).mean(axis=0)
        done += n_new
    tenths = np.array_split(np.arange(args.frames), PARTS)
    rows = [
        {
            "tenth": i + 1,
            "js_distance_to_md": distance(angles[:, part], truth[None]),
            **dict(zip(("bad_bond", "flipped", "clash"), faults[part].mean(axis=0).tolist(), strict=True)),
        }
        for i, part in enumerate(tenths)
    ]
    half = args.chains // 2
    first, last = angles[:, tenths[0]], angles[:, tenths[-1]]
    drift = {"last_to_first": distance(first, last), "chance": distance(first[:half], first[half:]) / np.sqrt(2)}
    print(*rows, drift, sep="\n")
    write_result(f"stability_{args.name}", {"n_frames": args.chains * args.frames, "rows": rows, "drift": drift})


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over the torsions."""
    flat = (angles.reshape(-1, angles.shape[-1]) for angles in (one, other))
    return float(torsion_js_distances(*flat).mean())


if __name__ == "__main__":
    main()
