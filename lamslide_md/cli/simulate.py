"""`lamslide simulate`: reference MD of a peptide or a protein."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lamslide_md.cli.numbers import IS_LENGTH_NS, IS_SMALL_COUNT, IS_TEMPERATURE, IS_TIME, IS_TIME_OR_ZERO
from lamslide_md.cli.options import Config, Context, Json, Seed, echo_parameters, print_json, say
from lamslide_md.errors import options_called, printable
from lamslide_md.io.locks import only_writer_in
from lamslide_md.io.outputs import check_folder, check_outputs


def simulate(
    context: Context,
    molecule: Annotated[str, typer.Argument(help="One-letter sequence, or a PDB or mmCIF file.")],
    out: Annotated[Path, typer.Option(help="Folder for system.pdb, rep1.xtc, rep1.json, ...")],
    ns: Annotated[float, typer.Option(callback=IS_LENGTH_NS, help="Length of each replicate, ns.")] = 20.0,
    replicates: Annotated[int, typer.Option(callback=IS_SMALL_COUNT, min=1, help="Independent runs.")] = 2,
    capped: Annotated[bool, typer.Option("--capped", help="Cap the ends of a sequence with ACE and NME.")] = False,
    frame_interval_ps: Annotated[float, typer.Option(callback=IS_TIME, help="Time between two frames, ps.")] = 1.0,
    equilibration_ps: Annotated[
        float, typer.Option(callback=IS_TIME_OR_ZERO, help="Simulated first and discarded, ps.")
    ] = 200.0,
    temperature: Annotated[
        float, typer.Option("--temperature-K", callback=IS_TEMPERATURE, help="Temperature, K.")
    ] = 350.0,
    solvent: Annotated[str, typer.Option(help="obc2, gbn2, tip3pfb, opc or vacuum.")] = "obc2",
    platform: Annotated[
        str | None, typer.Option(help="OpenMM platform such as CPU:2; the fastest if not given.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(callback=IS_SMALL_COUNT, min=1, help="Replicates at a time; one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler, to run the replicates on its workers.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Discard what was simulated with other settings, or is not ours.")
    ] = False,
    seed: Seed = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Simulate replicates of a molecule with OpenMM; run again, it continues what is not finished."""
    from lamslide_md.cli.progress import ProgressBars
    from lamslide_md.cli.sidecars import simulation_ns_per_s
    from lamslide_md.simulate import (
        SimulationSettings,
        clean_structure,
        parse_platform,
        peptide,
    )
    from lamslide_md.simulate.replicates import TOPOLOGY_FILE, make_jobs, run_jobs
    from lamslide_md.simulate.simulation import replicate_files

    with options_called({"frame_interval_ps": "--frame-interval-ps"}):
        settings = SimulationSettings(
            length_ps=ns * 1000,
            frame_interval_ps=frame_interval_ps,
            equilibration_ps=equilibration_ps,
            temperature_K=temperature,
            solvent=solvent,
        )
    choice = None if platform is None else parse_platform(platform)
    is_file = Path(molecule).suffix != "" or os.sep in molecule
    inputs = [Path(molecule)] if is_file else []
    names = [out / TOPOLOGY_FILE]
    for number in range(1, replicates + 1):
        names += replicate_files(out / f"rep{number}.xtc")
    check_folder(out)
    check_outputs("simulate", {name.name: name for name in names}, [*inputs, config], overwrite=True)
    context.with_resource(only_writer_in(out))
    subject = clean_structure(molecule) if is_file else peptide(molecule, capped=capped)
    for note in subject.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    jobs = make_jobs([subject], settings, [out], n_replicates=replicates, seed=seed, overwrite=overwrite)
    echo_parameters(context, out, inputs)
    with ProgressBars() as bars:
        run_jobs(jobs, n_processes=processes, scheduler=scheduler, platform=choice, progress=bars.on_simulation)
    paths = [job.trajectory for job in jobs]
    speed = simulation_ns_per_s(paths)
    if json:
        print_json(
            {
                "topology": out / "system.pdb",
                "trajectories": paths,
                "ns": ns,
                "md_ns_per_s": speed,
                "notes": subject.notes,
            }
        )
        return
    say(f"{len(paths)} replicates of {ns:g} ns in {out}: {', '.join(path.name for path in paths)}")
    print(f"MD: {speed:.3g} ns/s" if speed else "MD: nothing was simulated")
