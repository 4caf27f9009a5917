"""What the constraints mend: structure of rollouts of the shipped models, with them and without.

    python benchmarks/constraints.py

20 chains of 300 frames, 5 steps of Heun a window, judged by replicate 2 of the MD that benchmarks/pretrained.py makes
(made here if it is not there; about an hour a molecule). Figures go to benchmarks/results/constraints.json.
"""

import time

import numpy as np
from common import write_result
from pipeline import MD, MOLECULES, ROOT, commands, run
from rich.console import Console
from rich.table import Table

import lamslide_md as lam
from lamslide_md.analysis.structure import check_structure, learn_structure
from lamslide_md.pretrained import pretrained_names

N_CHAINS, N_FRAMES, SEED = 20, 300, 1


def main() -> None:
    results = {}
    for name in sorted(MOLECULES.keys() & pretrained_names()):
        run(ROOT / "runs" / "accuracy" / f"{name}_{MOLECULES[name].preset}_0", {"": commands(name, "", 0)[""]})
        model = lam.load_pretrained(name)
        system = model.systems[0]
        reference = system.select(lam.read(MD / name / "rep2.xtc", top=MD / name / "system.pdb"))
        rules = learn_structure(reference.topology, [reference.xyz])
        results[name] = {"MD": told(check_structure(rules, [reference.xyz]))}
        for constrain in (True, False):
            started_s = time.monotonic()
            frames = model.rollout(n_frames=N_FRAMES, n_chains=N_CHAINS, seed=SEED, constrain=constrain).to_mdtraj()
            spent_s = time.monotonic() - started_s
            checks = check_structure(rules, [frames.xyz])
            results[name]["constrained" if constrain else "free"] = told(checks) | {"wall_time_s": spent_s}
    write_result("constraints", {"n_chains": N_CHAINS, "n_frames": N_FRAMES, "seed": SEED, "models": results})
    show(results)


def told(checks: object) -> dict[str, float]:
    """Means over all frames."""
    return {name: float(np.mean(values)) for name, values in vars(checks).items()}


def show(results: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print what was measured."""
    table = Table(title="frames with ..., %; bond error, Å")
    for column in ("model", "", "bad bond", "flipped", "clash", "bond error", "time, s"):
        table.add_column(column)
    for name, rows in results.items():
        for what, row in rows.items():
            shares = [f"{100 * row[key]:.2f}" for key in ("broken_bond", "flipped", "clash")]
            spent = f"{row['wall_time_s']:.0f}" if "wall_time_s" in row else ""
            table.add_row(name, what, *shares, f"{10 * row['bond_error_nm']:.3f}", spent)
    Console().print(table)


if __name__ == "__main__":
    main()
