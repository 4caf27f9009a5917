"""What measures of a protein need of the reference: mean fold, principal components, pairs and contacts to watch."""

from collections.abc import Sequence
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int
from scipy.sparse.linalg import svds

from lamslide_md.analysis.features import Alphas, alpha_pairs, find_alphas, heavy_atoms
from lamslide_md.analysis.proteins.secondary import BACKBONE_NAMES, complete_residues
from lamslide_md.data.stored_frames import Frames, chosen, pieces_of

MEAN_ROUNDS = 5
"""Superposing on a mean and taking it anew has converged long before."""
MAX_FITTED = 5000
"""Mean and components are fitted on at most so many frames, evenly spread."""
N_PAIRS = 2000
N_COMPONENTS = 2
HEAVY_CONTACT_NM, ALPHA_CONTACT_NM = 0.45, 0.8


@dataclass(frozen=True)
class ProteinRules:
    """A protein as the reference shows it: chains of more than ten residues, by their C-alphas.

    `first_nm` and `mean_nm` (residues, 3) are C-alphas of the reference's first frame and of its mean, `components`
    (2, 3 * residues) its first principal components, `pairs` (places in `alphas`) those whose distances are compared.
    Contacts are pairs of `contact_atoms` within `contact_nm`; `contact_residues` says which place each belongs to.
    `complete` marks the residues with the whole backbone, which have a secondary structure.
    """

    topology: md.Topology
    alphas: Alphas
    first_nm: Float[np.ndarray, "residues 3"]
    mean_nm: Float[np.ndarray, "residues 3"]
    components: Float[np.ndarray, "components coordinates"]
    pairs: Int[np.ndarray, "pairs 2"]
    contact_atoms: Int[np.ndarray, " contact_atoms"]
    contact_residues: Int[np.ndarray, " contact_atoms"]
    contact_nm: float
    complete: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Name and number of every residue, such as ALA20."""
        return tuple(str(self.topology.residue(int(index))) for index in self.alphas.residues)


def learn_protein(topology: md.Topology, positions_nm: Sequence[Frames]) -> ProteinRules | None:
    """Learn from the reference what the measures of a protein are taken against.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    positions_nm
        Trajectories of the reference, nm.

    Returns
    -------
    ProteinRules or None
        None where no chain has more than ten C-alphas.
    """
    alphas = find_alphas(topology)
    if len(alphas) == 0:
        return None
    stride = -(-sum(map(len, positions_nm)) // MAX_FITTED)
    spread = [chosen(part, slice(None, None, stride)) for part in positions_nm]
    sample = np.concatenate([piece[:, alphas.atoms] for piece in pieces_of(spread)])
    first = sample[0]
    mean, fitted = _mean_fold(topology, alphas, sample, first)
    atoms, residues, contact_nm = _contact_atoms(topology, alphas)
    return ProteinRules(
        topology=topology,
        alphas=alphas,
        first_nm=first,
        mean_nm=mean,
        components=_components(fitted - mean),
        pairs=alpha_pairs(alphas, N_PAIRS),
        contact_atoms=atoms,
        contact_residues=residues,
        contact_nm=contact_nm,
        complete=complete_residues(topology, alphas.residues),
    )


def alpha_trajectory(
    topology: md.Topology, alphas: Alphas, positions_nm: Float[np.ndarray, "frames residues 3"]
) -> md.Trajectory:
    """Make a trajectory of the C-alphas only, on a copy of their positions, nm."""
    return md.Trajectory(np.array(positions_nm, dtype=np.float32), topology.subset(alphas.atoms))


def _mean_fold(
    topology: md.Topology, alphas: Alphas, sample: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the C-alphas, centred, and the frames superposed on it."""
    trajectory = alpha_trajectory(topology, alphas, sample)
    mean = first - first.mean(axis=0)
    for _ in range(MEAN_ROUNDS):
        trajectory.superpose(alpha_trajectory(topology, alphas, mean[None]))
        mean = trajectory.xyz.mean(axis=0, dtype=np.float64)
        mean = mean - mean.mean(axis=0)
    trajectory.superpose(alpha_trajectory(topology, alphas, mean[None]))
    return mean, trajectory.xyz.astype(np.float64)


def _components(displacements: np.ndarray) -> np.ndarray:
    """Directions of largest variance, without the covariance of all coordinates."""
    flat = displacements.reshape(len(displacements), -1)
    flat = flat - flat.mean(axis=0)
    if not np.abs(flat).max() > 0.0:
        return np.eye(N_COMPONENTS, flat.shape[1])  # nothing moves, in no direction more than in another
    start = np.random.default_rng(0).normal(size=min(flat.shape))
    _, sizes, directions = svds(flat, k=N_COMPONENTS, v0=start)
    ordered = directions[np.argsort(-sizes)]
    # The sign of a component is free: its largest entry is positive.
    largest = np.abs(ordered).argmax(axis=1)
    return ordered * np.sign(ordered[np.arange(len(ordered)), largest])[:, None]


def _contact_atoms(topology: md.Topology, alphas: Alphas) -> tuple[np.ndarray, np.ndarray, float]:
    """Heavy atoms and the places of their residues; C-alphas where there is no side chain."""
    place = {int(residue): index for index, residue in enumerate(alphas.residues)}
    heavy = heavy_atoms(topology)
    atoms = [atom for atom in topology.atoms if heavy[atom.index] and atom.residue.index in place]
    if all(atom.name in (*BACKBONE_NAMES, "OXT") for atom in atoms):
        return alphas.atoms, np.arange(len(alphas)), ALPHA_CONTACT_NM
    indices, residues = np.array([(atom.index, place[atom.residue.index]) for atom in atoms]).T
    return indices, residues, HEAVY_CONTACT_NM
