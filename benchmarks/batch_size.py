"""Windows in a batch of the flow, for as many windows in all: charged particles, the flow on coordinates.

    python benchmarks/batch_size.py            # about 25 minutes for a seed, on one core

Network and rates of the preset `quick`; the fewer windows in a batch, the more steps. Told are the minutes of training
and the errors of 20 frames forecast from 10 (100 trajectories, 5 samples, 10 evaluations). Figures go to
benchmarks/results/batch_size.json.
"""

import argparse
from typing import Any

from common import write_result
from linear_code import N_TEST, N_TRAINING, judged, show

import lamslide_md as lam
from lamslide_md.commands.train import with_changes
from lamslide_md.reference.nbody import ChargedParticles
from lamslide_md.training.forecast_presets import forecast_settings, without_latents

N_WINDOWS = 40_000
BATCHES = (112, 56, 28, 14, 7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    simulation = ChargedParticles()
    learned, test = simulation.simulate(N_TRAINING, 0).recordings(), simulation.simulate(N_TEST, 1).recordings()
    settings = without_latents(forecast_settings("nbody", "quick"), simulation.n_particles)
    rows: list[dict[str, Any]] = []
    for seed in args.seeds:
        for n_windows in BATCHES:
            n_steps = N_WINDOWS // n_windows
            changes = [f"flow.optimisation.batch_size={n_windows}", f"flow.optimisation.n_steps={n_steps}"]
            model = lam.Surrogate.fit(learned, settings=with_changes(settings, changes), preset="quick", seed=seed)
            name = f"{n_steps} steps of {n_windows} windows"
            rows.append({"training": name, "seed": seed, **judged(model, test, seed)})
            print(rows[-1], flush=True)
            write_result("batch_size", {"rows": rows})
    show(rows, "training")


if __name__ == "__main__":
    main()
