"""Reference MD that later benchmarks compare with: ten tetrapeptides that nothing is trained on, and chignolin.

    python benchmarks/reference_md.py              # all that is missing, at the lowest priority; goes on when killed
    python benchmarks/reference_md.py --only KEGH  # one of them

Each has two replicates in runs/md/NAME. The tetrapeptides are of the test list of MDGen (arXiv 2409.17808); among them
every amino acid stands at least once. MD: amber14 and OBC2 at 350 K (chignolin at 340 K, where it folds and unfolds in
experiment), a frame every 2 ps.
"""

import argparse
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from common import MD

from lamslide_md.simulate import SimulationSettings, peptide, simulate_replicates


@dataclass(frozen=True)
class Run:
    """What is simulated, and how long each replicate."""

    name: str
    sequence: str
    ns: float
    capped: bool = False
    temperature_K: float = 350.0


TEST_PEPTIDES = ("KEGH", "PGKM", "CPYV", "WSAQ", "IDRH", "FDNT", "LWMR", "ESIC", "NVFH", "APWF")
RUNS = (
    *(Run(name, name, 20.0) for name in TEST_PEPTIDES),
    Run("chignolin", "YYDPETGTWY", 20.0, temperature_K=340.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="which ones; all if not given")
    args = parser.parse_args()
    be_modest()
    for run in RUNS:
        if args.only and run.name not in args.only:
            continue
        settings = SimulationSettings(length_ps=run.ns * 1000, frame_interval_ps=2.0, temperature_K=run.temperature_K)
        print(f"{run.name}: two replicates of {run.ns:g} ns", flush=True)
        simulate_replicates(peptide(run.sequence, capped=run.capped), settings, MD / run.name, n_replicates=2, seed=1)


def be_modest() -> None:
    """Leave the cores to everything else; where sessions share them alike, a nice value counts within one only."""
    with contextlib.suppress(OSError):
        os.setsid()
    os.nice(19)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")


if __name__ == "__main__":
    main()
