"""What a linear code in the first stage is worth: charged particles after a few minutes of training.

    python benchmarks/linear_code.py            # about 15 minutes for a seed, on one core

Small networks and few steps, alike for all: the published first stage, one that corrects a linear code, and none (the
flow on coordinates). Told are the reconstruction of held-out frames and the errors of 20 frames forecast from 10 (100
trajectories, 5 samples, 10 evaluations). Figures go to benchmarks/results/linear_code.json.
"""

from charges import N_PARTICLES, compare

from lamslide_md.cli.train import with_changes
from lamslide_md.config import forecast_settings, without_latents

SMALL = [
    "autoencoder.width=64",
    "autoencoder.optimisation.n_steps=300",
    "autoencoder.optimisation.batch_size=64",
    "flow.width=64",
    "flow.depth=2",
    "flow.n_frames=12",
    "flow.optimisation.n_steps=1000",
    "flow.optimisation.batch_size=64",
]


def main() -> None:
    coded = with_changes(forecast_settings("nbody", "quick"), SMALL)
    stages = {
        "published first stage": with_changes(coded, ["autoencoder.linear_code=false"]),
        "network corrects a linear code": coded,
        "none: coordinates": without_latents(coded, N_PARTICLES),
    }
    compare("linear_code", "first_stage", stages, {"changes": SMALL}, __doc__)


if __name__ == "__main__":
    main()
