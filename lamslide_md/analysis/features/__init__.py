"""What dynamics is described by: torsions of a molecule, their angles, C-alphas of proteins and their distances."""

from lamslide_md.analysis.features.alphas import Alphas, alpha_pairs, find_alphas, pair_distances
from lamslide_md.analysis.features.angles import heavy_atoms, ramachandran_pairs, torsion_angles, torsion_features
from lamslide_md.analysis.features.names import BACKBONE, MOLECULE, SIDE_CHAIN, Torsion
from lamslide_md.analysis.features.slow import (
    MAX_TORSION_RESIDUES,
    SlowCoordinates,
    TicaFeatures,
    choose_slow_coordinates,
)
from lamslide_md.analysis.features.torsions import TorsionSurvey, find_torsions, survey_torsions

__all__ = [
    "BACKBONE",
    "MAX_TORSION_RESIDUES",
    "MOLECULE",
    "SIDE_CHAIN",
    "Alphas",
    "SlowCoordinates",
    "TicaFeatures",
    "Torsion",
    "TorsionSurvey",
    "alpha_pairs",
    "choose_slow_coordinates",
    "find_alphas",
    "find_torsions",
    "heavy_atoms",
    "pair_distances",
    "ramachandran_pairs",
    "survey_torsions",
    "torsion_angles",
    "torsion_features",
]
