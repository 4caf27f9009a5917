"""How far forecasts are from what happened: displacement errors, beside those of forecasts that learn nothing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError

# Windows of a list may differ in frames and points, so that these axes have no name.
Samples = Float[np.ndarray, "samples _ _ dim"]
Truth = Float[np.ndarray, "_ _ dim"]
Context = Float[np.ndarray, "_ _ dim"]


@dataclass(frozen=True)
class ForecastErrors:
    """Displacement errors in the unit of the coordinates; every point (atom, particle, person) counts alike.

    Attributes
    ----------
    ade, fde
        Average and final displacement error: distance to the truth, mean over the frames or in the last one, mean over
        samples.
    min_ade, min_fde
        The same of the best sample, chosen for each point and each of the two by itself.
    joint_ade, joint_fde
        The same of the best sample for all points of a window together.
    ade_error
        Standard error of `ade`, from the spread over windows; too small where windows overlap.
    n_windows, n_points, n_samples
        How many went in.
    """

    ade: float
    fde: float
    min_ade: float
    min_fde: float
    joint_ade: float
    joint_fde: float
    ade_error: float
    n_windows: int
    n_points: int
    n_samples: int

    def to_dict(self) -> dict[str, float]:
        """JSON-able content."""
        return asdict(self)


def forecast_errors(forecasts: Sequence[Samples], truths: Sequence[Truth]) -> ForecastErrors:
    """Measure forecasts.

    Parameters
    ----------
    forecasts
        For each window its samples.
    truths
        For each window what happened.

    Returns
    -------
    ForecastErrors
        Over all windows.

    Raises
    ------
    InputError
        If their numbers or shapes differ, or a coordinate is not finite.
    """
    if len(forecasts) != len(truths) or not len(truths):
        raise InputError(f"{len(forecasts)} forecasts for {len(truths)} windows; give one for each, at least one")
    away = []
    for window, (samples, truth) in enumerate(zip(forecasts, truths, strict=True)):
        if samples.shape[1:] != truth.shape:
            raise InputError(f"window {window}: a forecast has shape {samples.shape[1:]}, the truth {truth.shape}")
        distance = np.linalg.norm(samples.astype(np.float64) - truth, axis=-1)
        if not np.isfinite(distance).all():
            raise InputError(f"window {window}: coordinates of the forecast or the truth are not finite")
        away.append(distance)
    average, final = [d.mean(axis=1) for d in away], [d[:, -1] for d in away]
    counts = np.array([d.shape[-1] for d in away])
    means = np.array([a.mean() for a in average])
    return ForecastErrors(
        ade=_over_points([a.mean(axis=0) for a in average]),
        fde=_over_points([f.mean(axis=0) for f in final]),
        min_ade=_over_points([a.min(axis=0) for a in average]),
        min_fde=_over_points([f.min(axis=0) for f in final]),
        joint_ade=float(np.average([a.mean(axis=1).min() for a in average], weights=counts)),
        joint_fde=float(np.average([f.mean(axis=1).min() for f in final], weights=counts)),
        ade_error=float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan"),
        n_windows=len(away),
        n_points=int(counts.sum()),
        n_samples=len(forecasts[0]),
    )


def _over_points(values: list[Float[np.ndarray, " _"]]) -> float:
    return float(np.concatenate(values).mean())


def last_frame(context: Context, n_frames: int) -> Samples:
    """Forecast that nothing moves: the last context frame, repeated."""
    return np.repeat(context[None, -1:], n_frames, axis=1)


def constant_velocity(context: Context, n_frames: int) -> Samples:
    """Forecast that every point keeps the velocity that it had between the last two context frames.

    Parameters
    ----------
    context
        At least two frames.
    n_frames
        Frames to forecast.

    Returns
    -------
    np.ndarray
        One sample.

    Raises
    ------
    InputError
        If there is only one frame.
    """
    if len(context) < 2:
        raise InputError("one context frame has no velocity; give at least two")
    steps = np.arange(1, n_frames + 1, dtype=context.dtype)[:, None, None]
    return (context[-1] + steps * (context[-1] - context[-2]))[None]
