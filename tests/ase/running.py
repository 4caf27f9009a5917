"""What the tests of the ASE face share."""

import numpy as np

from lamslide_md.ase import LatentDynamics


def run(atoms, surrogate, n_frames, **options):
    """Positions of start and frames, Å."""
    frames = []
    with LatentDynamics(atoms, surrogate, **options) as dyn:
        frames = [dyn.atoms.positions.copy() for _ in dyn.irun(n_frames)]
    return np.array(frames)
