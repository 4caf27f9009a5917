"""What each choice buys: train with changed settings on one trajectory, roll out, and print one row for each change.

    python benchmarks/ablations.py --trajectory ala2.xtc --top ala2.pdb
    python benchmarks/ablations.py --trajectory ATVV.xtc --top ATVV.pdb --interval-ps 10 --change flow.prior=white

Every row has the same number of steps and seed; the first row is the preset itself. Times are those of the run, one
after another on one machine. Results go to benchmarks/results/ablations_NAME.json.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import mdtraj as md
from common import write_result

import lamslide_md as lam
from lamslide_md.cli.train import changed_settings

CHANGES = (
    "",
    "flow.prior=white",
    "flow.reverse_time=false",
    "autoencoder.stiffness=0",
    "autoencoder.optimisation.matrices=adamw",
    "flow.optimisation.matrices=adamw",
)
SHOWN = (
    "js_distance_torsions_backbone",
    "js_distance_torsions_side_chain",
    "js_distance_tic0",
    "js_distance_states_occupancy",
    "autocorrelation_error",
    "broken_bond_fraction",
    "bond_error",
)
N_CHAINS, N_FRAMES = 20, 500


def main() -> None:
    args = parse_arguments()
    reference = lam.read(args.trajectory, top=args.top, atoms="heavy")
    rows = []
    for change in args.change or CHANGES:
        rows.append(row(reference, change, args))
        write_result(f"ablations_{args.trajectory.stem}", {"interval_ps": args.interval_ps, "rows": rows})


def row(reference: md.Trajectory, change: str, args: argparse.Namespace) -> dict[str, Any]:
    """Train, roll out and judge with one change; several changes are joined by commas."""
    settings = changed_settings(args.preset, [*args.set, *filter(None, change.split(","))])
    started_s = time.monotonic()
    surrogate = lam.Surrogate.fit(reference, settings=settings, frame_interval_ps=args.interval_ps, seed=args.seed)
    trained_s = time.monotonic() - started_s
    figures: dict[str, Any] = {
        "change": change or "none",
        "seed": args.seed,
        "training_min": round(trained_s / 60, 2),
        "held_out_rmsd_A": round(10 * surrogate.provenance["held_out_rmsd_nm"], 4),
    }
    rollouts = [(n, True) for n in args.solver_steps] + [(args.solver_steps[-1], False)]
    for n_solver_steps, constrain in rollouts:
        chains = surrogate.rollout(
            reference[0],
            N_FRAMES,
            n_chains=N_CHAINS,
            solver="euler",
            n_solver_steps=n_solver_steps,
            constrain=constrain,
        ).chains()
        comparison = lam.compare(
            chains,
            reference,
        )
        figures[f"{n_solver_steps} solver steps{'' if constrain else ', not constrained'}"] = {
            m.kind.key: {"rollout": m.rollout, "md": m.floor} for m in comparison.measures if m.kind.key in SHOWN
        }
    print(figures, flush=True)
    return figures


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectory", type=Path, required=True)
    parser.add_argument("--top", type=Path)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--interval-ps", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--solver-steps", type=int, nargs="*", default=[5, 10])
    parser.add_argument(
        "--set", nargs="*", default=[], help="settings of all rows, such as flow.optimisation.n_steps=1000"
    )
    parser.add_argument("--change", nargs="*", help="rows; settings of one row joined by commas")
    return parser.parse_args()


if __name__ == "__main__":
    main()
