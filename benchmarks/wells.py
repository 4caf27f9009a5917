"""How much of every rollout of alanine dipeptide is in the well at phi > 0, which MD hardly knows.

    python benchmarks/accuracy.py "ala2 standard"    # makes two replicates of MD, and a rollout for each seed
    python benchmarks/wells.py                       # seconds

Told are the percentage of frames at phi > 0 and how many chains have any, for all replicates of MD that are there and
for every rollout of benchmarks/accuracy.py. Figures go to benchmarks/results/wells_ala2.json.
"""

from pathlib import Path

import numpy as np
from common import write_result
from pipeline import MD, ROOT

import lamslide_md as lam
from lamslide_md.analysis.features import find_torsions, torsion_angles


def main() -> None:
    rows = {path.stem: percentages(path, path.with_name("system.pdb")) for path in sorted(MD.glob("ala2/rep*.xtc"))}
    for path in sorted((ROOT / "runs" / "accuracy").glob("ala2_*/rollout.xtc")):
        rows[path.parent.name] = percentages(path, path.with_suffix(".pdb"))
    for name, chains in rows.items():
        print(f"{name}: {np.mean(chains):.3f} % of the frames, {np.count_nonzero(chains)} of {len(chains)} chains")
    write_result("wells_ala2", {"percent_by_chain": rows})


def percentages(path: Path, topology: Path) -> list[float]:
    """Give the percentage of every chain's frames that are at phi > 0."""
    read = lam.read(path, topology, atoms="heavy")
    chains = read if isinstance(read, list) else [read]
    (phi,) = (torsion for torsion in find_torsions(chains[0].topology, chains[0].xyz[:1]) if "phi" in torsion.name)
    return [100 * float((torsion_angles(chain.xyz, [phi]) > 0).mean()) for chain in chains]


if __name__ == "__main__":
    main()
