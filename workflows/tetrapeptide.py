"""From a peptide's name to an evaluated rollout: simulate, train, roll out, compare. Again, it does what is missing.

    python workflows/tetrapeptide.py AGVD --preset peptide

Leaves in runs/NAME/: system.pdb, rep1.xtc and rep2.xtc with manifests, NAME.lamslide, rollout.xtc with topology and
manifest, comparison.json, report.html, workflow.log and the stage cache phases.json. The model is trained on replicate
1 and compared with replicate 2, which it has never seen; the floor is replicate 1 against replicate 2.
"""

import logging
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from stage_cache import StageCache

import lamslide_md as lam
from lamslide_md.cli.progress import ProgressBars
from lamslide_md.cli.running import run_script
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.cli.sidecars import ns_per_s, simulation_ns_per_s
from lamslide_md.config import Settings, preset_settings
from lamslide_md.distilling import with_map
from lamslide_md.io.locks import only_writer_in
from lamslide_md.simulate import SimulationSettings, peptide, simulate_replicates
from lamslide_md.simulate.platforms import usable_cores

MODEL_INTERVAL_PS = 10.0
"""Of published tetrapeptide models (arXiv 2409.17808); ten MD frames in between add data for the first stage."""
SEED = 0

log = logging.getLogger("tetrapeptide")


class Workflow:
    """Four stages on one folder; each reads only files that an earlier one has written."""

    def __init__(self, sequence: str, folder: Path, simulation: SimulationSettings, bars: ProgressBars) -> None:
        self.sequence, self.folder, self.simulation, self.bars = sequence, folder, simulation, bars
        self.stages = StageCache(folder / "phases.json")
        self.top = folder / "system.pdb"
        self.replicates = [folder / "rep1.xtc", folder / "rep2.xtc"]
        self.model = folder / f"{sequence}.lamslide"
        self.rollout = folder / "rollout.xtc"
        self.json, self.report = folder / "comparison.json", folder / "report.html"

    def _run(self, name: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on
        if self.stages.run(name, *args, **kwargs):
            stage = self.stages[name]
            log.info("%s: done in %.1f s, settings %s, facts %s", name, stage.wall_time_s, stage.settings, stage.facts)
        else:
            self.bars.console.print(f"{name}: done before, kept", highlight=False)
            log.info("%s: done before, kept", name)

    def simulate(self) -> None:
        """Both replicates at once, in processes of their own."""

        def work() -> Mapping[str, Any]:
            simulate_replicates(
                peptide(self.sequence), self.simulation, self.folder, seed=SEED, progress=self.bars.on_simulation
            )
            return {"md_ns_per_s": simulation_ns_per_s(self.replicates)}

        sidecars = [path.with_suffix(ending) for path in self.replicates for ending in (".json", ".checkpoint")]
        self._run(
            "simulate",
            work,
            settings={"sequence": self.sequence, "seed": SEED, **asdict(self.simulation)},
            outputs=[*self.replicates, self.top],
            leftovers=sidecars,
        )

    def train(self, preset: str, settings: Settings) -> None:
        """Both stages, on replicate 1, and a map of the second."""

        def work() -> Mapping[str, Any]:
            surrogate = lam.Surrogate.fit(
                lam.read(self.replicates[0], self.top, atoms=settings.atoms),
                settings=settings,
                preset=preset,
                frame_interval_ps=MODEL_INTERVAL_PS,
                temperature_K=self.simulation.temperature_K,
                seed=SEED,
                checkpoint_dir=self.folder / "checkpoints",
                on_progress=self.bars.on_training,
            )
            surrogate.save(self.model)
            return surrogate.provenance

        self._run(
            "train",
            work,
            settings={"preset": preset, "seed": SEED, **settings.model_dump(mode="json")},
            inputs=[self.replicates[0], self.top],
            outputs=[self.model],
        )

    def roll_out(self, n_frames: int, n_chains: int) -> None:
        """Chains from frames of the training data."""

        def work() -> Mapping[str, Any]:
            rollout = lam.Surrogate.load(self.model).rollout("reference", n_frames, n_chains=n_chains, seed=SEED)
            rollout.save(self.rollout, on_frames=self.bars.on_frames, resume=True)
            return {"rollout_ns_per_s": ns_per_s(self.rollout)}

        self._run(
            "roll out",
            work,
            settings={"n_frames": n_frames, "n_chains": n_chains, "seed": SEED},
            inputs=[self.model],
            outputs=[self.rollout, self.rollout.with_suffix(".pdb"), self.rollout.with_suffix(".json")],
        )

    def compare(self, lag_ps: float) -> None:
        """The rollout against replicate 2, with replicate 1 as the floor."""

        def work() -> Mapping[str, Any]:
            own, held_out = (lam.read(path, self.top) for path in self.replicates)
            speeds = self.stages["simulate"].facts | self.stages["roll out"].facts
            with self.bars.waiting("compare"):
                comparison = lam.compare(
                    lam.read(self.rollout, self.rollout.with_suffix(".pdb"), check_bonds=False),
                    held_out,
                    replicate=own,
                    lag_ps=lag_ps,
                    seed=SEED,
                    temperature_K=self.simulation.temperature_K,
                    provenance={"title": self.sequence, **speeds, **self._provenance()},
                )
                comparison.save_json(self.json)
                comparison.save_report(self.report)
            return {"summary": comparison.summary()}

        self._run(
            "compare",
            work,
            settings={"lag_ps": lag_ps, "seed": SEED},
            inputs=[*self.replicates, self.top, self.rollout],
            outputs=[self.json, self.report],
        )

    def _provenance(self) -> dict[str, Any]:
        names = ("simulate", "train", "roll out")
        return {
            "machine": f"{platform.processor() or platform.machine()}, {usable_cores()} cores",
            "wall_time_s": {name: self.stages[name].wall_time_s for name in names},
            "settings": {name: self.stages[name].settings for name in names},
            "training": self.stages["train"].facts,
        }


def settings_of(preset: str, changes: Sequence[str], learns_map: bool) -> Settings:
    """Settings of the training: a preset, perhaps with a map, and some changes."""
    settings = preset_settings(preset)
    return with_changes(with_map(settings) if learns_map else settings, changes)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write the log of this run to a file, behind those of earlier runs."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.info("begin, %d cores", usable_cores())
    try:
        yield
    except BaseException as error:
        log.info("stopped: %s: %s", type(error).__name__, error)
        raise
    finally:
        log.removeHandler(handler)
        handler.close()


def main(
    sequence: Annotated[str, typer.Argument(help="One-letter codes, such as AGVD; ends are charged, pH 7.")],
    preset: Annotated[str, typer.Option(help="Of the training: peptide, quick, standard or paper.")] = "peptide",
    set_: Annotated[list[str], typer.Option("--set", help="Change a setting: flow.optimisation.n_steps=8000.")] = [],  # noqa: B006
    learns_map: Annotated[
        bool, typer.Option("--map/--no-map", help="Learn a map of the flow, too: rollouts are four times as fast.")
    ] = True,
    ns: Annotated[float, typer.Option(help="Length of each MD replicate, ns.")] = 7.0,
    equilibration_ps: Annotated[float, typer.Option(help="Simulated first and discarded, ps.")] = 100.0,
    temperature: Annotated[float, typer.Option("--temperature-K", help="Temperature, K.")] = 350.0,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each rollout chain, 10 ps apart.")] = 700,
    chains: Annotated[int, typer.Option(min=1, help="Rollout chains.")] = 10,
    lag_ps: Annotated[float, typer.Option(help="Lag of TICA and Markov models, ps.")] = 100.0,
    out: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
) -> None:
    """Simulate a peptide, train a surrogate on one replicate, roll it out, compare it with the other replicate."""
    sequence = sequence.strip().upper()
    started_s = time.monotonic()
    # A chain is as long as an MD replicate.
    simulation = SimulationSettings(length_ps=ns * 1000, equilibration_ps=equilibration_ps, temperature_K=temperature)
    peptide(sequence)  # refuses a wrong sequence before a folder is made
    settings = settings_of(preset, set_, learns_map)
    folder = out / sequence
    with only_writer_in(folder), logged(folder / "workflow.log"), ProgressBars() as bars:
        workflow = Workflow(sequence, folder, simulation, bars)
        workflow.simulate()
        workflow.train(preset, settings)
        workflow.roll_out(frames, chains)
        workflow.compare(lag_ps)
        log.info("end: %.1f s in all", time.monotonic() - started_s)
    print(workflow.stages["compare"].facts["summary"])
    took_s = time.monotonic() - started_s
    print(f"\n{folder}: report.html, comparison.json, {workflow.model.name}, rollout.xtc; {took_s / 60:.1f} min")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run with the arguments of a command line; return the exit code."""
    return run_script(main, __file__, arguments)


if __name__ == "__main__":
    sys.exit(run())
