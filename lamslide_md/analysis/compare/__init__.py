"""A rollout compared with reference MD: every measure beside its noise floor."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

from lamslide_md.analysis.compare.comparison import Comparison
from lamslide_md.analysis.compare.evaluate import evaluate
from lamslide_md.analysis.compare.prepare import prepare
from lamslide_md.analysis.compare.settings import ComparisonSettings
from lamslide_md.analysis.datasets.reading import (
    AnyTrajectory,
    Given,
    dataset_interval_ps,
    read_dataset,
    temperature_of,
    trajectories_of,
)
from lamslide_md.analysis.features import TicaFeatures
from lamslide_md.analysis.results import library_versions
from lamslide_md.errors import InputError, collected_notes, option
from lamslide_md.io.structured_texts import shortened
from lamslide_md.io.times import believable_interval

__all__ = ["Comparison", "compare"]


def compare(
    rollout: Given,
    reference: Given,
    *,
    rollout_interval_ps: float | None = None,
    reference_interval_ps: float | None = None,
    replicate: Given | None = None,
    replicate_interval_ps: float | None = None,
    lag_ps: float | Literal["auto"] = 100.0,
    n_clusters: int = 100,
    n_states: int = 10,
    n_bootstrap: int = 200,
    seed: int = 0,
    temperature_K: float | None = None,
    tica_features: TicaFeatures | Literal["auto"] = "auto",
    provenance: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare a rollout with reference MD in distributions, kinetics and structure.

    All estimators (TICA, clusters, states) are fitted on the reference only. Every measure comes with its noise floor:
    the same measure of independent MD, from `replicate` or, without one, of the reference's second half against its
    first.

    Parameters
    ----------
    rollout
        A `Rollout`, or a trajectory or several; hydrogens may be missing.
    reference
        MD of the same molecule, a trajectory or several. It may hold solvent, ions and other molecules, too.
    rollout_interval_ps
        Time between two frames of the rollout, ps; by its times if not given.
    reference_interval_ps
        Time between two frames of the reference, ps; by its times if not given.
    replicate
        Independent MD for the noise floor.
    replicate_interval_ps
        Time between two frames of the replicate, ps; by its times if not given, or where it has none, what is given for
        the reference.
    lag_ps
        Lag of TICA and of the MSMs, ps; a whole number of frames in every dataset. "auto" takes the shortest lag at
        which the slowest timescale of the reference has levelled off.
    n_clusters
        k-means clusters, the states of the MSMs.
    n_states
        Metastable states; fewer are used, and noted, when the spectrum of the reference does not support them.
    n_bootstrap
        Bootstrap samples behind the error bars.
    seed
        Seed of k-means and bootstrap.
    temperature_K
        Temperature, K, to give free energies in kcal/mol; that in `provenance`, or of the `Rollout`, if not given.
        Without one they are in kT.
    tica_features
        What TICA, and with it the states, is fitted on: "torsions", or "distances" between C-alphas. "auto" takes the
        latter for proteins of more than 20 residues.
    provenance
        What to show beside the numbers. `rollout_ns_per_s` and `md_ns_per_s` are shown with their ratio, everything
        else as given.

    Returns
    -------
    Comparison
        All measures; print its `summary()` or save its report.

    Raises
    ------
    InputError
        If the datasets are not of the same molecule, hold coordinates that are not finite or do not move, are too short
        for the lag, or have frame intervals that do not divide it, that nothing tells, or that contradict those given.

    References
    ----------
    Jing et al., arXiv 2409.17808 (the protocol).
    """
    if provenance is not None and not isinstance(provenance, Mapping):
        raise InputError(f"provenance={shortened(provenance)} is of type {type(provenance).__name__}; give a dict")
    shown = dict(provenance or {})
    if shown.get("temperature_K") is None and (learned_K := temperature_of(rollout)) is not None:
        shown["temperature_K"] = learned_K
    settings = ComparisonSettings(
        lag_ps=_lag_ps(lag_ps),
        n_clusters=n_clusters,
        n_states=n_states,
        n_bootstrap=n_bootstrap,
        seed=seed,
        temperature_K=_float(
            "temperature_K", temperature_K if temperature_K is not None else shown.get("temperature_K")
        ),
        tica_features=None if tica_features == "auto" else tica_features,
    )
    datasets = {"rollout": rollout, "reference": reference} | ({} if replicate is None else {"replicate": replicate})
    with collected_notes() as notes:
        given = {name: read_dataset(trajectories_of(dataset), name) for name, dataset in datasets.items()}
    stated_ps = {"rollout": rollout_interval_ps, "reference": reference_interval_ps, "replicate": replicate_interval_ps}
    if replicate is not None and replicate_interval_ps is None and not _has_times(given["replicate"]):
        stated_ps["replicate"] = reference_interval_ps
    intervals_ps = {
        name: dataset_interval_ps(given[name], name, _float(f"{name}_interval_ps", stated_ps[name])) for name in given
    }
    prepared = prepare(given, intervals_ps)
    return evaluate(prepared, settings, provenance=shown | {"versions": library_versions()}, notes=notes)


def _has_times(trajectories: list[AnyTrajectory]) -> bool:
    return any(believable_interval(trajectory.time)[0] is not None for trajectory in trajectories)


def _lag_ps(lag_ps: object) -> float | None:
    if lag_ps == "auto":
        return None
    try:
        return float(str(lag_ps))
    except ValueError:
        raise InputError(f'lag_ps must be a time in ps or "auto", got {lag_ps!r}') from None


def _float(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{option(name)}={shortened(value)} must be a number")
    return float(value)
