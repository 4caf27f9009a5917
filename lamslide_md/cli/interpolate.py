"""`lamslide interpolate`: transition paths between two structures."""

from pathlib import Path
from typing import Annotated

import typer

from lamslide_md.cli.numbers import IS_COUNT
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
from lamslide_md.cli.sampling_options import (
    Constrain,
    Model,
    Solver,
    SolverSteps,
    Top,
    check_solver,
    read_start,
)


def interpolate(
    context: Context,
    model: Model,
    start: Annotated[Path, typer.Option(help="Structure, or trajectory: path p begins at its frame p, in turn.")],
    end: Annotated[Path, typer.Option(help="Structure, or trajectory: path p ends at its frame p, in turn.")],
    out: Annotated[Path, typer.Option(help="Trajectory in any format mdtraj or ASE writes, path after path.")],
    frames: Annotated[int, typer.Option(callback=IS_COUNT, min=1, help="New frames between the ends.")] = 9,
    paths: Annotated[int, typer.Option(callback=IS_COUNT, min=1, help="Independent paths.")] = 1,
    top: Top = None,
    solver: Solver = None,
    solver_steps: SolverSteps = None,
    constrain: Constrain = True,
    seed: Seed = 0,
    accelerator: Accelerator = "auto",
    overwrite: Overwrite = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Draw paths from one structure to another, both ends included; the time it takes is frames + 1 intervals."""
    from lamslide_md.cli.models import find_model
    from lamslide_md.cli.sidecars import files_read
    from lamslide_md.sampling.name_choice import choose_names
    from lamslide_md.sampling.rollout_locks import only_writer_of_rollout
    from lamslide_md.surrogate import Surrogate

    check_solver(solver)
    inputs = [model, *files_read([start, end], top), *([config] if config else [])]
    choose_names(out, paths, "interpolate", inputs=inputs, overwrite=overwrite)
    context.with_resource(only_writer_of_rollout(out, lends=True))
    surrogate = Surrogate.load(find_model(model), accelerator=accelerator)
    made = surrogate.interpolate(
        read_start(start, top, "--start takes a file"),
        read_start(end, top, "--end takes a file"),
        frames,
        n_paths=paths,
        solver=solver,
        n_solver_steps=solver_steps,
        seed=seed,
        constrain=constrain,
    )
    made.save(out, overwrite=overwrite, inputs=inputs, on_begun=lambda: echo_parameters(context, out, inputs))
    if json:
        content = {"trajectory": out, "n_paths": paths, "n_frames_per_path": frames + 2}
        print_json(content | {"frame_interval_ps": surrogate.frame_interval_ps})
        return
    duration_ps = (frames + 1) * surrogate.frame_interval_ps
    say(f"{out}: {paths} path(s) of {frames + 2} frames, {duration_ps:g} ps from end to end")
