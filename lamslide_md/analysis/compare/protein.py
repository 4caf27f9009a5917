"""The datasets of a comparison as a protein, where they are one: estimates, notes, and what is shown beside them."""

from dataclasses import dataclass

from lamslide_md.analysis.compare.prepare import Prepared
from lamslide_md.analysis.compare.projected import ProjectedDatasets
from lamslide_md.analysis.datasets.dataset import Dataset, Projected
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.measures.proteins import protein_estimates, reference_estimates
from lamslide_md.analysis.proteins.frames import ProteinFrames, see_protein
from lamslide_md.analysis.proteins.result import ProteinResult, Strips, protein_result, secondary_strips
from lamslide_md.analysis.proteins.rules import ProteinRules, learn_protein


@dataclass(frozen=True)
class ComparedProtein:
    """The rules learnt from the reference, and every dataset as they see it, named as in :class:`Prepared`."""

    rules: ProteinRules
    rollout: ProteinFrames
    reference: ProteinFrames
    floor: ProteinFrames
    floor_reference: ProteinFrames

    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """Estimate every measure of a protein for "rollout" and "floor", and give the "reference" its own values."""
        return {
            "rollout": protein_estimates(self.rules, self.rollout, self.reference),
            "floor": protein_estimates(self.rules, self.floor, self.floor_reference),
            "reference": reference_estimates(self.rules, self.reference),
        }

    def notes(self) -> tuple[str, ...]:
        """Say which residues have no secondary structure."""
        n_lacking = int((~self.rules.complete).sum())
        if n_lacking == 0:
            return ()
        return (
            f"{n_lacking} of {len(self.rules.alphas)} residues lack N, C or O of their backbone and have no secondary "
            "structure",
        )

    def result(self) -> ProteinResult:
        """Collect what is shown residue by residue."""
        datasets = {"rollout": self.rollout, "reference": self.reference, "floor": self.floor}
        return protein_result(self.rules, datasets)

    def strips(self, prepared: Prepared) -> Strips | None:
        """Assign secondary structure over time; None without a backbone."""
        datasets = {"reference": prepared.reference, "rollout": prepared.rollout}
        return secondary_strips(self.rules, {n: (d.positions_nm, d.interval_ps) for n, d in datasets.items()})


def compare_protein(prepared: Prepared, projected: ProjectedDatasets, lag_ps: float) -> ComparedProtein | None:
    """See the datasets as a protein.

    Parameters
    ----------
    prepared
        The datasets.
    projected
        The same, whose blocks and bootstrap weights are used.
    lag_ps
        Lag after which contacts are looked at again, a whole number of frames of each.

    Returns
    -------
    ComparedProtein or None
        None where no chain has more than ten C-alphas.
    """
    rules = learn_protein(prepared.topology, prepared.reference.positions_nm)
    if rules is None:
        return None

    def seen(dataset: Dataset, blocks: Projected) -> ProteinFrames:
        lag = round(lag_ps / dataset.interval_ps)
        return see_protein(rules, dataset.positions_nm, blocks.blocks, blocks.weights, lag)

    reference = seen(prepared.reference, projected.reference)
    same = prepared.floor_reference is prepared.reference
    return ComparedProtein(
        rules=rules,
        rollout=seen(prepared.rollout, projected.rollout),
        reference=reference,
        floor=seen(prepared.floor, projected.floor),
        floor_reference=reference if same else seen(prepared.floor_reference, projected.floor_reference),
    )
