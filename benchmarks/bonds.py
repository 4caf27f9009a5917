"""Which bonds a network gets wrong, before constraints mend them.

    python benchmarks/accuracy.py "AGVD quick" --seeds 0
    python benchmarks/bonds.py runs/accuracy/AGVD_quick_0/AGVD.lamslide AGVD
    python benchmarks/peptides.py
    python benchmarks/bonds.py runs/peptides/peptide_0/peptides.lamslide peptides/FDAD

Three frames each from 300 frames of replicate 1, `constrain=False`; mean |d - mean of MD| of every bond, Angstrom, the
worst first. Takes half a minute; figures go to benchmarks/results/bonds_FOLDER_MOLECULE.json.
"""

import argparse
from pathlib import Path

import mdtraj as md
import numpy as np
from common import write_result
from pipeline import MD

import lamslide_md as lam
from lamslide_md.systems.bonds import bond_pairs

N_STARTS, N_FRAMES = 300, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("molecule", help="folder with MD, below runs/md")
    args = parser.parse_args()
    model = lam.Surrogate.load(args.model)
    traj = lam.read(MD / args.molecule / "rep1.xtc", MD / args.molecule / "system.pdb", atoms="heavy")
    starts = traj[np.linspace(0, len(traj) - 1, N_STARTS).astype(int)]
    chains = model.rollout(starts, N_FRAMES, n_chains=N_STARTS, seed=1, constrain=False).chains()
    pairs = bond_pairs(traj.topology, traj.xyz[:1])
    lengths = lengths_A(traj, pairs)
    mean = lengths.mean(axis=0)
    rollout, own = (
        np.abs(values - mean).mean(axis=0)
        for values in (np.concatenate([lengths_A(chain, pairs) for chain in chains]), lengths)
    )
    atoms = [str(atom) for atom in traj.topology.atoms]
    rows = [
        {"bond": f"{atoms[i]} {atoms[j]}", "rollout_A": float(error), "md_A": float(thermal)}
        for (i, j), error, thermal in zip(pairs, rollout, own, strict=True)
    ]
    rows.sort(key=lambda row: -float(row["rollout_A"]))
    for row in rows:
        print(f"{row['bond']:24} {row['rollout_A']:.3f} (MD {row['md_A']:.3f})")
    print(f"mean {rollout.mean():.3f} (MD {own.mean():.3f})")
    name = f"bonds_{args.model.parent.name}_{Path(args.molecule).name}"
    write_result(name, {"rollout_A": float(rollout.mean()), "md_A": float(own.mean()), "bonds": rows})


def lengths_A(traj: md.Trajectory, pairs: np.ndarray) -> np.ndarray:
    """Lengths of bonds, Angstrom."""
    return 10 * np.linalg.norm(traj.xyz[:, pairs[:, 0]] - traj.xyz[:, pairs[:, 1]], axis=-1)


if __name__ == "__main__":
    main()
