"""What a model knows beyond its training: both stages on frames and molecules that it has learned from, and on others.

    python benchmarks/peptides.py --validate ""    # makes a model of many peptides, two of which are left out
    python benchmarks/generalisation.py runs/peptides/validate__0/peptides.lamslide
    python benchmarks/accuracy.py "AGVD quick"     # makes a model of one, learned from replicate 1
    python benchmarks/generalisation.py runs/accuracy/AGVD_quick_0/AGVD.lamslide

For each trajectory: the deviation of decoded from encoded atoms in Angstrom, the loss of the flow in one step (mean
square error of the predicted frame, in variances of the latents), and that of the linear prior alone. A model of
peptides is also asked for frames of AGVD that it has not seen. Takes a minute; figures go to
benchmarks/results/generalisation_FOLDER.json.
"""

import argparse
from pathlib import Path

import mdtraj as md
import numpy as np
import torch
from common import write_result
from peptides import LEFT_OUT, LONG
from pipeline import MD

import lamslide_md as lam
from lamslide_md.data.windows import Series
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd

N_WINDOWS = 1500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    model = lam.Surrogate.load(args.model)
    rows = []
    for path, learned in trajectories(args.model.stem).items():
        errors = measured(model, lam.read(path, path.with_name("system.pdb")))
        rows.append({"trajectory": str(path.relative_to(MD)), "learned": learned, **errors})
        print(rows[-1], flush=True)
    for learned in (True, False):
        own = [row for row in rows if row["learned"] == learned]
        means = {key: round(float(np.mean([row[key] for row in own])), 3) for key in errors}
        print("learned from:" if learned else "not learned from:", means)
    write_result(f"generalisation_{args.model.parent.name}", {"trajectories": rows})


def trajectories(name: str) -> dict[Path, bool]:
    """Trajectories that a model of this name is asked for, and whether it has learned from them."""
    if name != "peptides":
        return {MD / name / "rep1.xtc": True, MD / name / "rep2.xtc": False}
    rows = {MD / "peptides" / peptide / "rep1.xtc": peptide not in LEFT_OUT for peptide in LONG}
    return rows | {MD / "AGVD" / "rep1.xtc": True}


@torch.no_grad()
def measured(model: lam.Surrogate, traj: md.Trajectory) -> dict[str, float]:
    """Errors of both stages on frames of a molecule."""
    system = model.repertoire.of_molecule(traj)
    placed = system.place(system.select(traj).xyz, model.settings.placement) / model.length_scale_nm
    series = Series(system.entities, placed.astype(np.float32))
    stride = round(model.frame_interval_ps / float(traj.timestep))
    first = np.linspace(0, len(placed) - stride - 1, N_WINDOWS).astype(int)
    latents = model.autoencoder.encode(series.batch(np.stack([first, first + stride], axis=1)))
    generator, known = torch.Generator().manual_seed(0), torch.tensor([True, False])
    tau = torch.rand(N_WINDOWS, generator=generator)
    terms = model.flow.terms(latents, known, tau, generator)
    standardised = model.flow.standardise(latents)
    prior = model.flow.prior.mean(standardised, known)
    deviation = reconstruction_rmsd(model.autoencoder, [series], model.settings)
    return {
        "reconstruction_A": 10 * model.length_scale_nm * deviation,
        "flow": float((terms.prediction - terms.target)[:, 1].square().mean()),
        "prior": float((standardised - prior)[:, 1].square().mean()),
    }


if __name__ == "__main__":
    main()
