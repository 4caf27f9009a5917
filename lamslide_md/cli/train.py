"""`lamslide train`: a surrogate from trajectories."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lamslide_md.cli.numbers import IS_SMALL_COUNT, IS_TEMPERATURE, IS_TIME
from lamslide_md.cli.options import (
    Accelerator,
    Config,
    Context,
    Json,
    Overwrite,
    Seed,
    echo_parameters,
    print_json,
    say,
)
from lamslide_md.cli.settings_changes import changed_settings
from lamslide_md.errors import InputError, collected_notes, options_called
from lamslide_md.processes import is_first

if TYPE_CHECKING:
    import mdtraj as md

    from lamslide_md.config import Settings
    from lamslide_md.io.stored_trajectories import StoredTrajectory
    from lamslide_md.surrogate import Surrogate

SHORT_CHAIN = 12
"""Residues, with caps, of the longest chain for which another preset is recommended."""


def complete_preset(incomplete: str) -> list[str]:
    """List the presets that begin as typed."""
    from lamslide_md.config import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


def train(
    context: Context,
    trajectories: Annotated[list[Path], typer.Argument(help="Files that mdtraj or ASE reads; several are replicates.")],
    out: Annotated[Path, typer.Option(help="The model, a .lamslide file.")],
    top: Annotated[
        Path | None, typer.Option(help="Topology; without it the PDB beside each file, or its folder's system.pdb.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="quick, peptide, protein, standard, paper, or DOMAIN-BUDGET such as charges-quick; if not given, "
            "protein for chains of more than six amino acids, else quick.",
            autocompletion=complete_preset,
        ),
    ] = None,
    set_: Annotated[
        list[str], typer.Option("--set", help="Change a setting of the preset: flow.optimisation.n_steps=8000.")
    ] = [],  # noqa: B006 - typer copies it
    interval_ps: Annotated[
        float | None,
        typer.Option(callback=IS_TIME, help="Time between two frames of the model, ps; the preset's if not given."),
    ] = None,
    data_interval_ps: Annotated[
        float | None,
        typer.Option(callback=IS_TIME, help="Time between two frames of the files, ps, where they do not tell."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature-K", callback=IS_TEMPERATURE, help="Of the data, K; from the manifests if not given."
        ),
    ] = None,
    recover: Annotated[
        bool, typer.Option("--recover", help="Take the sound frames of a truncated xtc or trr.")
    ] = False,
    on_disk: Annotated[
        bool | None,
        typer.Option(help="Keep frames in files beside the checkpoints; if not said, where they exceed the memory."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder to keep checkpoints in; removed after success if not given.")
    ] = None,
    seed: Seed = 0,
    accelerator: Accelerator = "auto",
    devices: Annotated[
        int | None,
        typer.Option(
            callback=IS_SMALL_COUNT, min=1, help="Devices on each machine, which share every batch; one if not given."
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(callback=IS_SMALL_COUNT, min=1, help="Machines, on each of which torchrun starts this command."),
    ] = None,
    overwrite: Overwrite = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Train both stages on trajectories; interrupted, the same command continues."""
    from lamslide_md.cli.progress import ProgressBars
    from lamslide_md.cli.sidecars import files_read, read_all, temperature_of
    from lamslide_md.io.outputs import check_model_name, check_outputs
    from lamslide_md.io.stored_trajectories import need_disk
    from lamslide_md.surrogate import Surrogate
    from lamslide_md.systems.selections import leaves_solvent_out
    from lamslide_md.training.checkpoint_folder import frame_file, only_trainer, remove_checkpoints
    from lamslide_md.training.devices import agreed, group_fabric
    from lamslide_md.training.preset_choice import usual_preset

    settings = changed_settings(preset or "quick", set_)
    kept = checkpoints or out.with_name(f"{out.name}.checkpoints")
    words = {"frame_interval_ps": "--data-interval-ps", "check_bonds=False": "--set check_bonds=false"}
    fabric = group_fabric(accelerator, devices, nodes, settings)
    with agreed(fabric), options_called(words), collected_notes() as notes:
        inputs = [*files_read(trajectories, top), *([config] if config else [])]
        check_outputs("train", {"--out": out}, inputs, overwrite=overwrite)
        check_model_name(out)
        context.with_resource(only_trainer(out, kept))
        temperature = temperature if temperature is not None else temperature_of(trajectories)
        how = {"atoms": settings.atoms, "check_bonds": settings.check_bonds, "recover": recover}
        how |= {"frame_interval_ps": data_interval_ps, "solvent": not leaves_solvent_out(settings.atoms)}
        stored = need_disk(trajectories) if on_disk is None else on_disk
        data = read_all(trajectories, top, frame_file(kept) if stored else None, how)
    preset = preset or usual_preset(data)
    settings = changed_settings(preset, set_)
    if is_first():
        echo_parameters(context, out, inputs)
        _recommend(settings, data)
    words = {"frame_interval_ps": "--interval-ps", "preset='protein'": "--preset protein"}
    with ProgressBars() as bars, options_called(words):
        surrogate = Surrogate.fit(
            data,
            settings=settings,
            preset=preset,
            frame_interval_ps=interval_ps,
            temperature_K=temperature,
            seed=seed,
            checkpoint_dir=kept,
            on_progress=bars.on_training,
            accelerator=accelerator,
            devices=devices,
            nodes=nodes,
        )
    if not is_first():
        return
    surrogate.provenance["notes"] = notes + surrogate.provenance.get("notes", [])
    surrogate.save(out, overwrite=overwrite)
    if checkpoints is None:
        remove_checkpoints(kept)
    _tell(surrogate, out, json)


def _tell(surrogate: "Surrogate", out: Path, json: bool) -> None:
    """Print what was trained."""
    temperature = surrogate.temperature_K
    if json:
        facts = {"model": out, "frame_interval_ps": surrogate.frame_interval_ps, "temperature_K": temperature}
        print_json(facts | surrogate.provenance)
        return
    rmsd_nm = surrogate.provenance["held_out_rmsd_nm"]
    temperature_text = "unknown temperature" if temperature is None else f"{temperature:g} K"
    say(f"{out}: {surrogate.frame_interval_ps:g} ps per frame, {temperature_text}, held-out RMSD {rmsd_nm:.4f} nm")


def _recommend(settings: "Settings", data: "Sequence[md.Trajectory | StoredTrajectory]") -> None:
    """Tell of a preset that suits the data better."""
    from lamslide_md.frames import from_settings

    if from_settings(settings.placement).shared_reference and all(_is_short_chain(t) for t in data):
        print("note: a chain of amino acids; --preset peptide learns more of it in the same time", file=sys.stderr)


def _is_short_chain(trajectory: "md.Trajectory | StoredTrajectory") -> bool:
    """Tell whether the preset `peptide` is made for it."""
    from lamslide_md.systems.residues import check_chain

    try:
        check_chain(trajectory.topology)
    except InputError:
        return False
    return 1 < trajectory.topology.n_residues <= SHORT_CHAIN
