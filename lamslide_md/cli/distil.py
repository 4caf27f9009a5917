"""`lamslide distil`: a map, of one evaluation or two, for a trained model."""

from pathlib import Path
from typing import Annotated

import typer

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
from lamslide_md.cli.sampling_options import Model
from lamslide_md.cli.settings_changes import with_changes


def distil(
    context: Context,
    model: Model,
    out: Annotated[Path, typer.Option(help="The model with the map, a .lamslide file.")],
    set_: Annotated[
        list[str], typer.Option("--set", help="Change a setting of the map: flow.map.optimisation.n_steps=3000.")
    ] = [],  # noqa: B006 - typer copies it
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder to keep checkpoints in; removed after success if not given.")
    ] = None,
    seed: Seed = 0,
    accelerator: Accelerator = "auto",
    overwrite: Overwrite = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Learn from a model's own rollouts to draw frames in one or two evaluations of the network instead of nine."""
    from lamslide_md.cli.models import find_model
    from lamslide_md.cli.progress import ProgressBars
    from lamslide_md.distilling import distil as learn
    from lamslide_md.distilling import with_map
    from lamslide_md.io.outputs import check_model_name, check_outputs
    from lamslide_md.surrogate import Surrogate
    from lamslide_md.training.checkpoint_folder import only_trainer, remove_checkpoints

    kept = checkpoints or out.with_name(f"{out.name}.checkpoints")
    inputs = [model, *([config] if config else [])]
    check_outputs("distil", {"--out": out}, inputs, overwrite=overwrite)
    check_model_name(out)
    context.with_resource(only_trainer(out, kept))
    surrogate = Surrogate.load(find_model(model), accelerator=accelerator)
    settings = with_changes(with_map(surrogate.settings), set_)
    echo_parameters(context, out, inputs)
    with ProgressBars() as bars:
        made = learn(
            surrogate, settings=settings.flow.map, seed=seed, checkpoint_dir=kept, on_progress=bars.on_training
        )
    made.save(out, overwrite=overwrite)
    if checkpoints is None:
        remove_checkpoints(kept)
    flow_map = made.flow.map
    assert flow_map is not None, "nothing was learned"
    error = float(flow_map.error)
    if json:
        print_json({"model": out, "relative_error": error, "is_trusted": flow_map.is_trusted})
        return
    use = "rollouts ask it" if flow_map.is_trusted else "rollouts ask it with --solver map only; it needs more steps"
    say(f"{out}: the map misses {error:.1%} of the variance of what the flow draws; {use}")
