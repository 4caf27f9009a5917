"""`lamslide compare`: a rollout compared with MD."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lamslide_md.cli.numbers import IS_SMALL_COUNT, IS_TEMPERATURE, IS_TIME
from lamslide_md.cli.options import Config, Context, Json, Overwrite, Seed, echo_parameters, print_json, say
from lamslide_md.errors import InputError, collected_notes, options_called
from lamslide_md.io.locks import only_writer
from lamslide_md.io.outputs import check_outputs
from lamslide_md.units import MOST_PS, RELATIVE_TOLERANCE, check_quantity

if TYPE_CHECKING:
    import mdtraj as md

    from lamslide_md.data.frame_file import FrameFile
    from lamslide_md.io.stored_trajectories import StoredTrajectory

OPTIONS = {f"{name}_interval_ps": f"--{name}-interval-ps" for name in ("rollout", "reference", "replicate")} | {
    "tica_features": "--tica-features"
}
"""Names of parameters of `lamslide_md.compare` on the command line."""


def parse_lag(text: str) -> float | Literal["auto"]:
    """Read a lag.

    Parameters
    ----------
    text
        A time in ps, or ``auto``.

    Returns
    -------
    float or "auto"
        The same.

    Raises
    ------
    InputError
        If it is neither.
    """
    if text == "auto":
        return "auto"
    try:
        lag_ps = float(text)
    except ValueError:
        raise InputError(f"--lag-ps {text} is no time in ps; give a number, or auto") from None
    check_quantity("lag_ps", lag_ps, MOST_PS, "ps")
    return lag_ps


def compare(
    context: Context,
    rollout: Annotated[Path, typer.Argument(help="Rollout, or any trajectory to be evaluated.")],
    reference: Annotated[list[Path], typer.Option(help="MD to compare it with; may be given several times.")],
    replicate: Annotated[
        list[Path], typer.Option(help="Independent MD for the noise floor; halves of the reference if not given.")
    ] = [],  # noqa: B006 - typer copies it
    top: Annotated[
        Path | None, typer.Option(help="Topology; without it the PDB beside each file, or its folder's system.pdb.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report here, one HTML file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all numbers here, JSON.")] = None,
    lag_ps: Annotated[
        str, typer.Option(help="Lag of TICA and Markov models, ps; auto: where the slowest timescale has levelled off.")
    ] = "100",
    clusters: Annotated[int, typer.Option(callback=IS_SMALL_COUNT, min=2, help="States of the Markov models.")] = 100,
    states: Annotated[int, typer.Option(callback=IS_SMALL_COUNT, min=2, help="Metastable states, at most.")] = 10,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature-K", callback=IS_TEMPERATURE, help="Temperature, K; from the manifests if not given."
        ),
    ] = None,
    rollout_interval_ps: Annotated[
        float | None,
        typer.Option(
            callback=IS_TIME, help="Time between two frames of the rollout, ps, where its file does not tell."
        ),
    ] = None,
    reference_interval_ps: Annotated[
        float | None,
        typer.Option(callback=IS_TIME, help="Time between two frames of the MD, ps, where its files do not tell."),
    ] = None,
    replicate_interval_ps: Annotated[
        float | None,
        typer.Option(callback=IS_TIME, help="The same of the independent MD; as the MD's if its files do not tell."),
    ] = None,
    tica_features: Annotated[
        Literal["auto", "torsions", "distances"],
        typer.Option(help="What TICA and states are made of; auto: distances of C-alphas above 20 residues."),
    ] = "auto",
    seed: Seed = 0,
    overwrite: Overwrite = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare a rollout with MD: distributions, kinetics and structure, each beside its noise floor."""
    from lamslide_md.analysis.compare import compare as compare_trajectories
    from lamslide_md.cli.progress import ProgressBars
    from lamslide_md.cli.sidecars import files_read, ns_per_s, simulation_ns_per_s, temperature_of
    from lamslide_md.data.frame_file import FrameFile
    from lamslide_md.io.stored_trajectories import KEPT_BYTES, expected_bytes
    from lamslide_md.systems.solvent import solute_mask

    lag = parse_lag(lag_ps)
    inputs = [*files_read([rollout, *reference, *replicate], top), *([config] if config else [])]
    check_outputs("compare", {"--report": report, "--out": out}, inputs, overwrite=overwrite)
    context.with_resource(only_writer(*filter(None, (report, out)), lends=True))
    many = expected_bytes([rollout, *reference, *replicate]) > KEPT_BYTES
    file = FrameFile(Path(gettempdir())) if many else None
    with collected_notes() as notes:
        made = _read_all([rollout], top, file, "rollout", rollout_interval_ps)
        # Gigabytes of water are read only to be compared.
        wet = not solute_mask(made[0].topology).all()
        simulated = _read_all(reference, top, file, "reference", reference_interval_ps, solvent=wet)
        replicate_ps = replicate_interval_ps, reference_interval_ps
        independent = _read_all(replicate, top, file, "replicate", *replicate_ps, solvent=wet)
    speeds = {"rollout_ns_per_s": ns_per_s(rollout), "md_ns_per_s": simulation_ns_per_s(reference)}
    provenance: dict[str, Any] = {name: speed for name, speed in speeds.items() if speed is not None}
    provenance |= {"title": f"{rollout.stem} against MD", "rollout": rollout, "reference": list(map(str, reference))}
    with ProgressBars() as bars, bars.waiting("compare"), options_called(OPTIONS):
        comparison = compare_trajectories(
            made,
            simulated,
            replicate=independent or None,
            lag_ps=lag,
            n_clusters=clusters,
            n_states=states,
            tica_features=tica_features,
            seed=seed,
            temperature_K=temperature if temperature is not None else temperature_of(reference),
            provenance=provenance,
        )
        comparison = replace(comparison, notes=(*notes, *comparison.notes))
        # The numbers first.
        failed = _save(context, [(out, comparison.save_json), (report, comparison.save_report)], inputs, overwrite)
    if json:
        print_json(comparison.to_dict())
    else:
        say(comparison.summary())
    if failed:
        raise InputError("; ".join(failed))


def _save(
    context: Context,
    results: Sequence[tuple[Path | None, Callable[..., None]]],
    inputs: Sequence[Path],
    overwrite: bool,
) -> list[str]:
    """Write each result that was asked for, whether or not others can be; return what went wrong."""
    written, failed = [], []
    for path, save in results:
        try:
            if path is not None:
                save(path, overwrite=overwrite)
                written.append(path)
        except (InputError, OSError) as error:
            failed.append(str(error))
    if written:
        try:
            echo_parameters(context, written[-1], inputs)
        except (InputError, OSError) as error:
            failed.append(str(error))
    return failed


def _read_all(
    paths: Sequence[Path],
    top: Path | None,
    file: "FrameFile | None",
    name: str,
    interval_ps: float | None,
    otherwise_ps: float | None = None,
    *,
    solvent: bool = True,
) -> "list[md.Trajectory | StoredTrajectory]":
    """Read the files of a dataset, at an interval by which those that hold no times are read `otherwise_ps` apart."""
    from lamslide_md.cli.sidecars import read_all

    trajectories: list[md.Trajectory | StoredTrajectory] = []
    with options_called({"frame_interval_ps": OPTIONS[f"{name}_interval_ps"]}):
        for path in paths:
            _check_interval(path, name, interval_ps)
            # Broken bonds are a finding about a rollout, not a reason to refuse it.
            how: dict[str, Any] = {"atoms": "all", "solvent": solvent, "check_bonds": False}
            try:
                trajectories += read_all([path], top, file, how | {"frame_interval_ps": interval_ps})
            except InputError:
                if interval_ps is not None or otherwise_ps is None:
                    raise
                trajectories += read_all([path], top, file, how | {"frame_interval_ps": otherwise_ps})
    return trajectories


def _check_interval(path: Path, name: str, interval_ps: float | None) -> None:
    """Refuse an interval that the manifest of our own making contradicts: all kinetics would be wrong."""
    from lamslide_md.io.manifests import find_manifest

    manifest = find_manifest(path)
    if manifest is None or interval_ps is None:
        return
    if abs(manifest.frame_interval_ps - interval_ps) > RELATIVE_TOLERANCE * interval_ps:
        raise InputError(
            f"{OPTIONS[f'{name}_interval_ps']} {interval_ps:g} contradicts the manifest of {path}, whose frames are "
            f"{manifest.frame_interval_ps:g} ps apart; leave the option out"
        )
