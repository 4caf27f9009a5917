"""How long the windows of a rollout should be: memory and crossings of psi, on one first stage of alanine dipeptide.

    python benchmarks/pretrained.py ala2        # makes the first stage and two replicates of MD
    python benchmarks/windows.py                # about 10 minutes a row on one core

Flows of the preset `quick` with windows of 16, 8, 4 and 2 frames, as many frames in every batch; 60 chains of 1,000
frames, 5 steps of Heun. Told are <cos dpsi> by lag, crossings between the wells of psi in each direction per frame, the
share of them that the next frame undoes, and the Jensen-Shannon distance of phi and psi to replicate 2. Figures go to
benchmarks/results/windows.json.
"""

import argparse
from typing import Any

import numpy as np
from common import write_result
from pipeline import FORMER_QUICK
from replicates import replicate, with_flow

import lamslide_md as lam
from lamslide_md.analysis.distributions import torsion_js_distances
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.analysis.kinetics.autocorrelation import cosine_autocorrelation
from lamslide_md.cli.train import with_changes
from lamslide_md.config import preset_settings

LAGS = [1, 2, 5, 10, 20]
PSI, WELL = 1, (-2.1, 1.0)
"""Column of psi, and the ends of one of its wells, radians."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[16, 8, 4, 2])
    parser.add_argument("--predictions", nargs="+", default=["velocity", "data"])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = lam.load_pretrained("ala2")
    learned, held_out = (replicate("ala2", i) for i in (1, 2))
    torsions = find_torsions(learned.topology, learned.xyz[:1])
    stride = round(model.frame_interval_ps / float(learned.timestep))
    own, other = (torsion_angles(traj.xyz, torsions) for traj in (learned, held_out))
    rows = [{"windows": f"MD, replicate {i}", **measured([angles[::stride]])} for i, angles in ((1, own), (2, other))]
    floor = float(torsion_js_distances(own[::stride], other).mean())
    print(*rows, floor, sep="\n")
    for prediction in args.predictions:
        for n_frames in args.frames:
            changes = (*FORMER_QUICK, f"flow.forward_frames={n_frames}", f"flow.prediction={prediction}")
            changed, minutes = with_flow(
                model, learned, with_changes(preset_settings("quick"), changes).flow, args.seed
            )
            rollout = changed.rollout("reference", 1000, n_chains=60, seed=1)
            chains = [torsion_angles(points, torsions) for points in rollout.points_nm()]
            distance = float(torsion_js_distances(np.concatenate(chains), other).mean())
            row = {"windows": f"{n_frames} frames, {prediction}", "js_distance": distance, "training_min": minutes}
            rows.append(row | measured(chains))
            print(rows[-1], flush=True)
            write_result("windows", {"seed": args.seed, "js_distance_floor": floor, "lags_frames": LAGS, "rows": rows})


def measured(chains: list[np.ndarray]) -> dict[str, Any]:
    """Memory and crossings of psi, one frame of the model from the next."""
    inside = [((angles[:, PSI] > WELL[0]) & (angles[:, PSI] < WELL[1])) for angles in chains]
    rates, crossings, undone = [], 0, 0
    for begin in (False, True):
        leaving = sum(int(((a[:-1] == begin) & (a[1:] != begin)).sum()) for a in inside)
        rates.append(leaving / sum(int((a[:-1] == begin).sum()) for a in inside))
    for a in inside:
        crossings += int((a[:-2] != a[1:-1]).sum())
        undone += int(((a[:-2] != a[1:-1]) & (a[2:] == a[:-2])).sum())
    memory = cosine_autocorrelation(chains, LAGS)[:, PSI].tolist()
    return {"memory": memory, "crossings_per_frame": rates, "undone_share": undone / crossings}


if __name__ == "__main__":
    main()
