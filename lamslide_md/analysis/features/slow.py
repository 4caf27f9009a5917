"""Coordinates in which slow motion is looked for: torsions, or distances between C-alphas."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.features.alphas import alpha_pairs, find_alphas, pair_distances
from lamslide_md.analysis.features.angles import torsion_features
from lamslide_md.data.stored_frames import Frames
from lamslide_md.errors import InputError, option

TicaFeatures = Literal["torsions", "distances"]

MAX_TORSION_RESIDUES = 20
"""Of longer chains the fold is slow, not a torsion: distances are used where nothing else is asked for."""
N_PAIRS = 400
"""More distances of a chain follow from these, and TICA would fit its noise."""
AT_ONCE = 10_000
"""Frames whose distances are computed at once: bounds memory."""


@dataclass(frozen=True)
class SlowCoordinates:
    """Torsions (`pairs` None), or distances between pairs of atoms."""

    pairs: Int[np.ndarray, "pairs 2"] | None = None

    @property
    def name(self) -> TicaFeatures:
        """What they are."""
        return "torsions" if self.pairs is None else "distances"

    def of(
        self, positions_nm: Frames, angles: Float[np.ndarray, "frames torsions"]
    ) -> Float[np.ndarray, "frames coordinates"]:
        """Give the torsion angles (rad), or the distances (nm), of every frame."""
        return angles if self.pairs is None else np.concatenate(list(self.parts(positions_nm, angles)))

    def parts(
        self, positions_nm: Frames, angles: Float[np.ndarray, "frames torsions"]
    ) -> Iterator[Float[np.ndarray, "_ coordinates"]]:
        """Go through the same, some frames at a time."""
        for first in range(0, len(angles), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            yield angles[some] if self.pairs is None else pair_distances(positions_nm[some], self.pairs)

    @property
    def to_features(self) -> Callable[[np.ndarray], np.ndarray]:
        """Turn coordinates to TICA's input: cosines and sines of angles, distances as they are."""
        return torsion_features if self.pairs is None else np.asarray


def choose_slow_coordinates(topology: md.Topology, asked: TicaFeatures | None) -> SlowCoordinates:
    """Take the coordinates asked for, or those that suit the size of the molecule.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    asked
        What the user asked for; None for distances in proteins of more than 20 residues, torsions otherwise.

    Returns
    -------
    SlowCoordinates
        Distances are those of at most 400 pairs of C-alphas at least three residues apart.

    Raises
    ------
    InputError
        If distances are asked for, and there are too few C-alphas.
    """
    if asked == "torsions" or (asked is None and len(find_alphas(topology)) <= MAX_TORSION_RESIDUES):
        return SlowCoordinates()
    alphas = find_alphas(topology, min_residues=1)
    pairs = alpha_pairs(alphas, N_PAIRS)
    if len(pairs) < 2:
        raise InputError(
            f"{option('tica_features')}=distances needs two pairs of C-alphas at least three residues apart, this "
            f"molecule of {topology.n_residues} residues has {len(alphas)} C-alphas and {len(pairs)} such pairs; "
            "use torsions"
        )
    return SlowCoordinates(alphas.atoms[pairs])
