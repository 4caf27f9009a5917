"""What the forecasting workflows share: train beside a flow on coordinates, forecast, and measure against the truth."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib
import matplotlib.pyplot as plt
import mdtraj as md
import numpy as np
from rich.console import Console
from rich.table import Table

import lamslide_md as lam
from lamslide_md.analysis.forecasts import constant_velocity, forecast_errors, last_frame
from lamslide_md.cli.progress import ProgressBars
from lamslide_md.config import Settings, without_latents
from lamslide_md.io.locks import only_writer_in
from lamslide_md.systems.system import PointTrajectory

matplotlib.use("Agg")

Windows: TypeAlias = Sequence[md.Trajectory] | Sequence[PointTrajectory]

MODELS = ("LaM-SLidE", "flow on coordinates")
"""What is trained; both have the same second stage, a step of which costs as much."""


@dataclass(frozen=True)
class Study:
    """A benchmark of forecasts.

    Attributes
    ----------
    title
        For people.
    unit
        Of the errors.
    per_unit
        Of the windows' unit of length in one `unit`; 0.1 for nm and Å.
    training
        Trajectories to learn from.
    windows
        Test windows: context, then what is to be forecast.
    groups
        To which set each test window belongs, where each has a row of its own.
    n_samples
        Of each forecast.
    """

    title: str
    unit: str
    per_unit: float
    training: Windows
    windows: Windows
    groups: Sequence[str]
    n_samples: int

    def run(self, settings: Settings, folder: Path, seed: int, n_solver_steps: int) -> dict[str, Any]:
        """Train what is missing, forecast, and write models, forecasts.json and forecasts.png.

        Parameters
        ----------
        settings
            Of both stages.
        folder
            Where everything goes.
        seed
            Of training and samples.
        n_solver_steps
            Euler steps, each one evaluation of the network.

        Returns
        -------
        dict
            What is in forecasts.json.
        """
        with only_writer_in(folder):
            return self._run(settings, folder, seed, n_solver_steps)

    def _run(self, settings: Settings, folder: Path, seed: int, n_solver_steps: int) -> dict[str, Any]:
        n_context = settings.flow.n_known
        histories = [_cut(window, slice(None, n_context)) for window in self.windows]
        truths = [_points(_cut(window, slice(n_context, None))) for window in self.windows]
        n_target = len(truths[0])
        forecasts = {
            name: [forecast(_points(history), n_target) for history in histories]
            for name, forecast in (("last frame", last_frame), ("constant velocity", constant_velocity))
        }
        costs: dict[str, dict[str, Any]] = {name: {} for name in forecasts}
        n_entities = max(_points(window).shape[1] for window in self.training)
        for name, own in zip(MODELS, (settings, without_latents(settings, n_entities)), strict=True):
            model = self._train(own, folder, name, seed)
            started_s = time.monotonic()
            forecasts[name] = lam.forecast(
                model,
                histories,
                n_target,
                n_samples=self.n_samples,
                solver="euler",
                n_solver_steps=n_solver_steps,
                seed=seed,
            )
            costs[name] = {
                "training_min": sum(model.provenance["training_s"].values()) / 60,
                "n_parameters": sum(model.provenance["n_parameters"].values()),
                "network_evaluations": n_solver_steps,
                "reconstruction": model.provenance["held_out_rmsd_nm"] / self.per_unit,
                "forecasts_per_s": len(histories) * self.n_samples / (time.monotonic() - started_s),
            }
        rows = [
            {"model": name, "set": group, **self._errors(samples, truths, group), **costs[name]}
            for name, samples in forecasts.items()
            for group in ("", *(sorted(set(self.groups)) if len(set(self.groups)) > 1 else ()))
        ]
        content = {"title": self.title, "unit": self.unit, "seed": seed, "n_solver_steps": n_solver_steps, "rows": rows}
        (folder / "forecasts.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        self._draw(folder / "forecasts.png", histories, truths, forecasts["LaM-SLidE"])
        return content

    def _train(self, settings: Settings, folder: Path, name: str, seed: int) -> lam.Surrogate:
        path = folder / f"{name.replace(' ', '_')}.lamslide"
        if path.exists():
            model = lam.Surrogate.load(path)
            if model.settings == settings and model.provenance["seed"] == seed:
                return model
        with ProgressBars() as bars:
            model = lam.Surrogate.fit(
                self.training,
                settings=settings,
                preset=folder.name,
                seed=seed,
                checkpoint_dir=folder / "checkpoints",
                on_progress=bars.on_training,
            )
        model.save(path)
        return model

    def _errors(self, samples: Sequence[np.ndarray], truths: Sequence[np.ndarray], group: str) -> dict[str, float]:
        chosen = [i for i, own in enumerate(self.groups) if not group or own == group]
        errors = forecast_errors([samples[i] for i in chosen], [truths[i] for i in chosen])
        return {
            key: value if key.startswith("n_") else value / self.per_unit for key, value in errors.to_dict().items()
        }

    def _draw(
        self, path: Path, histories: Windows, truths: Sequence[np.ndarray], forecasts: Sequence[np.ndarray]
    ) -> None:
        """Draw some windows in the plane: context and truth in grey, forecasts in colour."""
        shown = np.linspace(0, len(truths) - 1, 6).astype(int)
        figure, axes = plt.subplots(2, 3, figsize=(11, 7), constrained_layout=True)
        for axis, i in zip(axes.flat, shown, strict=True):
            context, truth = (points[..., :2] / self.per_unit for points in (_points(histories[i]), truths[i]))
            for point in range(truth.shape[1]):
                for sample in forecasts[i][..., point, :2] / self.per_unit:
                    path_ahead = np.concatenate([context[-1:, point], sample])
                    axis.plot(*path_ahead.T, color=f"C{point % 10}", alpha=0.35, linewidth=1)
                axis.plot(*np.concatenate([context[:, point], truth[:, point]]).T, color="0.6", linewidth=2, zorder=1)
                axis.plot(*context[:, point].T, color="0.25", linewidth=2)
                axis.plot(*truth[-1, point], "o", color="0.6", markersize=4)
            axis.set(xlabel=f"x, {self.unit}", ylabel=f"y, {self.unit}", aspect="equal")
        figure.suptitle(f"{self.title}: context (dark), what happened (grey), forecasts (coloured)")
        figure.savefig(path, dpi=120)
        plt.close(figure)


def show(content: dict[str, Any], console: Console | None = None) -> None:
    """Print the table of errors.

    Parameters
    ----------
    content
        From `Study.run`.
    console
        Where to.
    """
    unit = content["unit"]
    table = Table(title=f"{content['title']}, errors in {unit}, seed {content['seed']}")
    for column in ("model", "set", "ADE", "FDE", "minADE", "minFDE", "joint", "min", "parameters", "NFE"):
        table.add_column(column)
    for row in content["rows"]:
        errors = [f"{row[key]:.3f}" for key in ("ade", "fde", "min_ade", "min_fde")]
        errors.append(f"{row['joint_ade']:.3f}/{row['joint_fde']:.3f}")
        costs = ["", "", ""]
        if "n_parameters" in row:
            costs = [f"{row['training_min']:.1f}", f"{row['n_parameters']:,}", str(row["network_evaluations"])]
        table.add_row(row["model"], row["set"] or "all", *errors, *costs)
    (console or Console(width=130)).print(table)
    first = content["rows"][0]
    print(
        f"{first['n_windows']} windows, {first['n_points']} points; ADE and FDE are means over samples, min of the best"
    )


def _cut(window: md.Trajectory | PointTrajectory, frames: slice) -> md.Trajectory | PointTrajectory:
    return window[frames] if isinstance(window, md.Trajectory) else replace(window, points_nm=window.points_nm[frames])


def _points(window: md.Trajectory | PointTrajectory) -> np.ndarray:
    return window.xyz if isinstance(window, md.Trajectory) else window.points_nm
