"""What a model knows beyond its training: both stages on frames and molecules that it has learned from, and on others.

    python benchmarks/peptides.py --validate ""    # makes a model of many peptides, two of which are left out
    python benchmarks/generalisation.py runs/peptides/validate__0/peptides.lamslide
    python benchmarks/accuracy.py "AGVD quick"     # makes a model of one, learned from replicate 1
    python benchmarks/generalisation.py runs/accuracy/AGVD_quick_0/AGVD.lamslide

For each trajectory: the deviation of decoded from encoded atoms in Angstrom, the loss of the flow in one step (mean
square error of the predicted frame, in variances of the latents), and that of the linear prior alone. Takes a minute;
figures go to benchmarks/results/generalisation_FOLDER.json.
"""

import argparse
from pathlib import Path

import mdtraj as md
import numpy as np
import torch
from common import write_result
from peptides import LONG
from pipeline import MD

import lamslide_md as lam
from lamslide_md.frames import from_settings
from lamslide_md.systems.symmetry import canonical
from lamslide_md.systems.system import System
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd
from lamslide_md.training.windows import Series

N_WINDOWS = 1500
MEASURES = ("reconstruction_A", "flow", "prior")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    model = lam.Surrogate.load(args.model)
    rows = []
    for path in trajectories(args.model.stem):
        traj = lam.read(path, path.with_name("system.pdb"))
        system = model.repertoire.of_molecule(traj)
        kind = "learned from" if path.stem == "rep1" else "other frames"
        if not model.repertoire.has_learned(system):
            kind = "other molecules"
        rows.append({"trajectory": str(path.relative_to(MD)), "kind": kind, **measured(model, system, traj)})
        print(rows[-1], flush=True)
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        print(kind, {key: round(float(np.mean([row[key] for row in own])), 3) for key in MEASURES})
    write_result(f"generalisation_{args.model.parent.name}", {"trajectories": rows})


def trajectories(name: str) -> list[Path]:
    """Trajectories that a model of this name is asked for."""
    if name != "peptides":
        return [MD / name / "rep1.xtc", MD / name / "rep2.xtc"]
    return [*(MD / "peptides" / peptide / "rep1.xtc" for peptide in LONG), MD / "AGVD" / "rep2.xtc"]


@torch.no_grad()
def measured(model: lam.Surrogate, system: System, traj: md.Trajectory) -> dict[str, float]:
    """Errors of both stages on frames of a molecule."""
    points = canonical(system.select(traj).xyz, system.exchanges)
    placed = system.place(points, model.settings.placement) / model.length_scale_nm
    series = Series(system.entities, placed.astype(np.float32))
    stride = round(model.frame_interval_ps / float(traj.timestep))
    first = np.linspace(0, len(placed) - stride - 1, N_WINDOWS).astype(int)
    windows = series.batch(np.stack([first, first + stride], axis=1))
    latents = model.autoencoder.encode(from_settings(model.settings.placement).windows.apply(windows))
    generator, known = torch.Generator().manual_seed(0), torch.tensor([True, False])
    tau = torch.rand(N_WINDOWS, generator=generator)
    terms = model.flow.terms(latents, known, tau, generator)
    standardised = model.flow.standardise(latents)
    prior = model.flow.prior.mean(standardised, known)
    deviation = reconstruction_rmsd(model.autoencoder, [series], model.settings)
    errors = (terms.prediction - terms.target, standardised - prior)
    values = (10 * model.length_scale_nm * deviation, *(float(e[:, 1].square().mean()) for e in errors))
    return dict(zip(MEASURES, values, strict=True))


if __name__ == "__main__":
    main()
