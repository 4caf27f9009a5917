"""Short runs whose results are stored, to see that a change of the code is not a change of what it computes.

`python -m tests.stored_runs` writes them anew: only for a change that is meant to change results.
"""

from pathlib import Path

import mdtraj as md
import numpy as np

import lamslide_md as lam
from lamslide_md.config import Settings
from lamslide_md.simulate import peptide
from tests.small import shivering_peptide, tiny_settings

STORED = Path(__file__).parent / "stored" / "rollouts.npz"
MODELS = ("AGVD", "SVFA", "ala2", "peptides")
PLACEMENTS = ("superposed", "centred", "anchored", "aligned", "local")


def rolled_out(name):
    """Two chains of five frames of a shipped model, nm; of the one for all peptides those of GDAF."""
    start = "reference"
    if name == "peptides":
        built = peptide("GDAF", capped=False)
        whole = md.Trajectory(np.asarray(built.positions_nm), md.Topology.from_openmm(built.topology))
        start = whole.atom_slice(whole.topology.select("not element H"))
    return lam.load_pretrained(name).rollout(start, 5, n_chains=2, seed=3, solver="heun").points_nm()


def bridged():
    """A path of three frames between two, and a trajectory with every second frame filled in, nm."""
    frames = lam.load_pretrained("ala2").rollout("reference", 5, seed=4, solver="heun")
    traj, model = frames.to_mdtraj(), lam.load_pretrained("ala2")
    path = model.interpolate(traj[0], traj[4], 3, n_paths=2, seed=5, solver="heun").points_nm()
    coarse = md.Trajectory(traj.xyz, traj.topology, time=2 * model.frame_interval_ps * np.arange(5))
    return np.concatenate(
        [path.reshape(-1, *path.shape[2:]), model.upsample(coarse, 2, seed=6, solver="heun").points_nm()[0]]
    )


def trained(placement, butane):
    """Length scale, error of held-out frames, both nm, and the last loss of each stage of a training of seconds."""
    own = {"entities": "residues", "n_latents": None} if placement == "local" else {"rotate": placement == "centred"}
    settings = tiny_settings(n_steps=25, placement=placement, **own).model_dump()
    for stage in ("autoencoder", "flow"):
        settings[stage]["optimisation"]["iteration_dtype"] = "float32"
    settings["exchange"] = placement == "local"
    if placement == "superposed":
        settings["flow"]["decoded_weight"] = 0.25
    losses = []

    def listen(progress):
        if progress.done == progress.total:
            losses.append(float(progress.message.split()[1].rstrip(",")))

    data = [shivering_peptide("DVG"), shivering_peptide("VGF", seed=1)] if placement == "local" else butane
    model = lam.Surrogate.fit(data, settings=Settings.model_validate(settings), on_progress=listen)
    return np.array([model.length_scale_nm, model.provenance["held_out_rmsd_nm"], *losses])


if __name__ == "__main__":
    from tests.small import butane as fixture

    toy = fixture.__wrapped__() if hasattr(fixture, "__wrapped__") else fixture._get_wrapped_function()()
    content = {name: rolled_out(name) for name in MODELS} | {"bridged": bridged()}
    content |= {placement: trained(placement, toy) for placement in PLACEMENTS}
    np.savez_compressed(STORED, **content)
    print({name: array.shape if array.ndim > 1 else array for name, array in content.items()})
