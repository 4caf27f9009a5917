"""Windows in a batch of the flow, for as many windows in all: charged particles, the flow on coordinates.

    python benchmarks/batch_size.py            # about 25 minutes for a seed, on one core

Network and rates of the preset `quick`; the fewer windows in a batch, the more steps. Told are the minutes of training
and the errors of 20 frames forecast from 10 (100 trajectories, 5 samples, 10 evaluations). Figures go to
benchmarks/results/batch_size.json.
"""

from charges import N_PARTICLES, compare

from lamslide_md.cli.train import with_changes
from lamslide_md.config import forecast_settings, without_latents

N_WINDOWS = 40_000
BATCHES = (112, 56, 28, 14, 7)


def main() -> None:
    settings = without_latents(forecast_settings("nbody", "quick"), N_PARTICLES)
    steps = {n_windows: N_WINDOWS // n_windows for n_windows in BATCHES}
    variants = {
        f"{n_steps} steps of {n_windows} windows": with_changes(
            settings, [f"flow.optimisation.batch_size={n_windows}", f"flow.optimisation.n_steps={n_steps}"]
        )
        for n_windows, n_steps in steps.items()
    }
    compare("batch_size", "training", variants, {}, __doc__)


if __name__ == "__main__":
    main()
