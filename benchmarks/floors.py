"""The noise floor of MD by several replicates: one replicate may lie near the reference, or far, by chance.

    python benchmarks/floors.py ala2        # or AGVD; 8 (19) minutes of one core for every replicate

Simulates replicates 3 and up beside the two of benchmarks/accuracy.py, and measures each against replicate 2 as a
comparison measures its floor: as many frames as a rollout of the row has. Figures go to
benchmarks/results/floors_NAME.json; `benchmarks/accuracy.py --table` then has a line for the mean floor.
"""

import argparse
import shlex
import subprocess

import numpy as np
from common import write_result
from pipeline import MD, MOLECULES, N_CHAINS, N_FRAMES
from replicates import judged, replicate

import lamslide_md as lam


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MOLECULES)
    parser.add_argument("--replicates", type=int, default=6, help="in all, the reference among them")
    args = parser.parse_args()
    simulate = f"lamslide simulate {MOLECULES[args.name].simulate} --replicates {args.replicates} --platform Reference"
    subprocess.run([*shlex.split(simulate), "--out", str(MD / args.name)], check=True)
    # Sets how many frames the floor has and how far apart; where they are does not matter to it.
    model = lam.load_pretrained(args.name)
    rollout = model.rollout("reference", N_FRAMES, n_chains=N_CHAINS).chains()
    replicates = {i: replicate(args.name, i) for i in range(1, args.replicates + 1)}
    reference = replicates.pop(2)
    floors: dict[str, list[float | None]] = {}
    for i, other in replicates.items():
        for key, measure in judged(model, rollout, args.name, reference, other).items():
            floors.setdefault(key, []).append(measure.floor)
        print(f"replicate {i} measured", flush=True)
    for key, values in floors.items():
        known = [value for value in values if value is not None]
        if known:
            print(f"{key}: mean {np.mean(known):.4f}, {min(known):.4f} to {max(known):.4f}")
    write_result(f"floors_{args.name}", {"replicates": list(replicates), "floors": floors})


if __name__ == "__main__":
    main()
