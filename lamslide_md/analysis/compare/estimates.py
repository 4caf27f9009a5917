"""Estimates of every measure, of the rollout and of the floor, and the table that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lamslide_md.analysis.compare.prepare import Prepared
from lamslide_md.analysis.compare.projected import ProjectedDatasets
from lamslide_md.analysis.compare.protein import ComparedProtein
from lamslide_md.analysis.compare.settings import ComparisonSettings
from lamslide_md.analysis.datasets.dataset import Dataset
from lamslide_md.analysis.kinetics.markov_summary import MarkovSummary
from lamslide_md.analysis.measures.autocorrelation import AutocorrelationCurves, autocorrelation_estimates
from lamslide_md.analysis.measures.distributions import distribution_estimates
from lamslide_md.analysis.measures.measure import KINDS, Estimate, Measure, make_measure
from lamslide_md.analysis.measures.msm import markov_estimates
from lamslide_md.analysis.measures.protein_kinds import PROTEIN_KINDS
from lamslide_md.analysis.measures.structure import structure_estimates
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.analysis.structure import check_structure, learn_structure, mirror_note
from lamslide_md.units import GAS_CONSTANT_KJ_PER_MOL_K, KJ_PER_KCAL


@dataclass(frozen=True)
class Estimates:
    """Estimates of every measure, by its key.

    Attributes
    ----------
    rollout
        Of the rollout against the reference.
    floor
        Of the floor against its own reference: what two samples of the same dynamics differ by.
    reference
        Of the reference alone, for the measures that need nothing to compare with.
    """

    rollout: Mapping[str, Estimate]
    floor: Mapping[str, Estimate]
    reference: Mapping[str, Estimate]

    def measures(self, temperature_K: float | None) -> tuple[Measure, ...]:
        """Set each beside its floor; free energies are in kcal/mol where the temperature is known, otherwise in kT."""
        measures = []
        for key, kind in (KINDS | PROTEIN_KINDS).items():
            if key not in self.rollout:
                continue  # not a protein
            pair = self.rollout[key], self.floor[key]
            shown = kind
            if key == "free_energy_error" and temperature_K is not None:
                kt_kcal_per_mol = GAS_CONSTANT_KJ_PER_MOL_K / KJ_PER_KCAL * temperature_K
                pair = _scaled(pair[0], kt_kcal_per_mol), _scaled(pair[1], kt_kcal_per_mol)
                shown = replace(kind, unit="kcal/mol")
            measures.append(make_measure(shown, *pair, self.reference[key].value if key in self.reference else None))
        return tuple(measures)


def estimate_all(
    prepared: Prepared,
    projected: ProjectedDatasets,
    reference_model: ReferenceModel,
    autocorrelations: Mapping[str, AutocorrelationCurves],
    summaries: Mapping[str, MarkovSummary],
    settings: ComparisonSettings,
    protein: ComparedProtein | None,
) -> tuple[Estimates, list[str]]:
    """Estimate every measure, of the rollout and of the floor.

    Parameters
    ----------
    prepared
        Datasets of the same atoms.
    projected
        The same, as the reference model sees them.
    reference_model
        Fitted on the reference.
    autocorrelations
        Of every dataset, by its name; ``floor_reference`` is what the floor is compared with.
    summaries
        Of the Markov state models of the same datasets.
    settings
        Numbers of resamples, and seed.
    protein
        The same datasets as a protein, or None.

    Returns
    -------
    estimates
        Of every measure.
    notes
        On datasets that have mirror images of the molecule.
    """
    rollout = (
        distribution_estimates(projected.rollout, projected.reference, prepared.torsions, reference_model)
        | autocorrelation_estimates(autocorrelations["rollout"], autocorrelations["reference"])
        | markov_estimates(summaries["rollout"], summaries["reference"])
    )
    floor = (
        distribution_estimates(projected.floor, projected.floor_reference, prepared.torsions, reference_model)
        | autocorrelation_estimates(autocorrelations["floor"], autocorrelations["floor_reference"])
        | markov_estimates(summaries["floor"], summaries["floor_reference"])
    )
    own, notes = _structure(prepared, projected, settings)
    folds = {} if protein is None else protein.estimates()
    return Estimates(
        rollout | own["rollout"] | folds.get("rollout", {}),
        floor | own["floor"] | folds.get("floor", {}),
        own["reference"] | folds.get("reference", {}),
    ), notes


def _structure(
    prepared: Prepared, projected: ProjectedDatasets, settings: ComparisonSettings
) -> tuple[dict[str, dict[str, Estimate]], list[str]]:
    rules = learn_structure(prepared.topology, prepared.reference.positions_nm)
    estimates, notes = {}, []
    for seed, name in enumerate(("rollout", "reference", "floor")):
        dataset: Dataset = getattr(prepared, name)
        n_blocks = getattr(projected, name).n_blocks
        lengths = [len(part) for part in dataset.positions_nm]
        checks = check_structure(rules, dataset.positions_nm)
        estimates[name] = structure_estimates(
            checks, lengths, n_blocks, settings.n_bootstrap, settings.seed * 10 + seed
        )
        note = mirror_note(rules, checks, dataset.name)
        notes += [note] if note else []
    return estimates, notes


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    if estimate.value is None or estimate.draws is None:
        return estimate
    return Estimate(estimate.value * factor, estimate.draws * factor, estimate.reason)
