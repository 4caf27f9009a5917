"""A training that has left its course is told as such, and becomes no model."""

import math

from torch import nn

from lamslide_md.errors import InputError


def check_finite(stage: str, network: nn.Module, error: float = 0.0) -> None:
    """Refuse a trained network whose weights are no numbers.

    Parameters
    ----------
    stage
        Name of its settings.
    network
        Trained.
    error
        Of frames that were held out, where it is known.

    Raises
    ------
    InputError
        If a weight or the error is not finite.
    """
    bad = next((name for name, tensor in network.state_dict().items() if not tensor.isfinite().all()), None)
    if bad is None and math.isfinite(error):
        return
    what = f"{bad} holds numbers that are not finite" if bad else f"its error of frames held out is {error}"
    raise InputError(
        f"the training of the {stage} left its course: {what}; no model is made of it. Lower "
        f"{stage}.optimisation.learning_rate, or look for frames in the data that are unlike all others"
    )
