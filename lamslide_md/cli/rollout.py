"""`lamslide rollout`: a long trajectory from a surrogate."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lamslide_md.cli.numbers import IS_COUNT, IS_SMALL_COUNT
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
from lamslide_md.cli.running import Interrupted
from lamslide_md.cli.sampling_options import (
    Constrain,
    Model,
    Solver,
    SolverSteps,
    Top,
    check_solver,
    read_start,
)
from lamslide_md.errors import InputError, printable

if TYPE_CHECKING:
    from lamslide_md.sampling.rollout import Rollout


def rollout(
    context: Context,
    model: Model,
    out: Annotated[Path, typer.Option(help="Trajectory in any format mdtraj or ASE writes.")],
    frames: Annotated[int, typer.Option(callback=IS_COUNT, min=1, help="New frames of each chain.")] = 10_000,
    chains: Annotated[
        int, typer.Option(callback=IS_COUNT, min=1, help="Independent chains, one after another in the file.")
    ] = 1,
    start: Annotated[
        Path | None,
        typer.Option(help="Frames to start from; drawn from the training data of a single molecule if not given."),
    ] = None,
    top: Top = None,
    solver: Solver = None,
    solver_steps: SolverSteps = None,
    constrain: Constrain = True,
    seed: Seed = 0,
    resume: Annotated[
        bool,
        typer.Option("--continue", help="Go on where the same rollout was interrupted; begin it if it was not yet."),
    ] = False,
    accelerator: Accelerator = "auto",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler, to roll the chains out on its workers.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            callback=IS_SMALL_COUNT,
            min=1,
            help="Parts of the chains for --scheduler; one for each thread of the workers.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Roll out chains of a model, written as they come; topology and manifest are written beside them."""
    from lamslide_md.cli.models import find_model
    from lamslide_md.cli.progress import ProgressBars
    from lamslide_md.cli.sidecars import files_read, ns_per_s
    from lamslide_md.io.interrupts import RolloutInterrupted
    from lamslide_md.on_cluster import ClusterRollout, roll_out_on_cluster
    from lamslide_md.sampling.name_choice import choose_names
    from lamslide_md.sampling.rollout_locks import only_writer_of_rollout
    from lamslide_md.sampling.settings import Sampling
    from lamslide_md.surrogate import Surrogate

    check_solver(solver)
    if jobs is not None and scheduler is None:
        raise InputError(f"--jobs={jobs} divides chains among the workers of a cluster: it needs --scheduler")
    inputs = [model, *files_read([] if start is None else [start], top), *([config] if config else [])]
    choose_names(out, chains, "rollout", inputs=inputs, overwrite=overwrite, resume=resume)
    context.with_resource(only_writer_of_rollout(out, lends=True))
    surrogate = Surrogate.load(find_model(model), accelerator=accelerator)
    mend = "--start takes a file, or is left out to start from training data"
    starts = "reference" if start is None else read_start(start, top, mend)
    sampling = Sampling(solver, solver_steps, seed, constrain)
    made = surrogate.rollout(starts, frames, n_chains=chains, **vars(sampling))
    begun = partial(echo_parameters, context, out, inputs)
    with ProgressBars() as bars:
        try:
            if scheduler is None:
                made.save(
                    out, on_frames=bars.on_frames, resume=resume, overwrite=overwrite, inputs=inputs, on_begun=begun
                )
            else:
                where = (jobs, accelerator, resume, overwrite, tuple(inputs))
                wanted = ClusterRollout(find_model(model), out, starts, frames, chains, sampling, *where)
                roll_out_on_cluster([wanted], scheduler, bars.on_frames, begun)
        except RolloutInterrupted as interrupted:
            raise Interrupted(f"interrupted: {interrupted.stand}; the same command with --continue goes on") from None
        except KeyboardInterrupt:
            raise Interrupted("interrupted; the same command with --continue goes on") from None
    if not made.facts["in_training"]:
        unseen = "the model was not trained on this molecule; only a comparison with MD tells how good it is"
        print(printable(f"note: {out}: {unseen}"), file=sys.stderr)
    _tell(made, out, ns_per_s(out) or 0.0, json)


def _tell(made: "Rollout", out: Path, speed: float, json: bool) -> None:
    """Print what was rolled out, and how fast, ns/s."""
    chains, frames, interval_ps = made.n_chains, made.n_frames, made.frame_interval_ps
    if json:
        content = {"trajectory": out, "n_chains": chains, "n_frames_per_chain": frames}
        print_json(content | {"frame_interval_ps": interval_ps, "rollout_ns_per_s": speed})
        return
    total_ns = chains * frames * interval_ps / 1000
    say(f"{out}: {chains} chain(s) of {frames} frames, {interval_ps:g} ps apart, {total_ns:g} ns")
    print(f"rollout: {speed:.3g} ns/s")
