"""What dynamics is described by: the torsions of a molecule, their angles, and cosines and sines of these."""

from lamslide_md.analysis.features.angles import heavy_atoms, ramachandran_pairs, torsion_angles, torsion_features
from lamslide_md.analysis.features.names import BACKBONE, MOLECULE, SIDE_CHAIN, Torsion
from lamslide_md.analysis.features.torsions import TorsionSurvey, find_torsions, survey_torsions

__all__ = [
    "BACKBONE",
    "MOLECULE",
    "SIDE_CHAIN",
    "Torsion",
    "TorsionSurvey",
    "find_torsions",
    "heavy_atoms",
    "ramachandran_pairs",
    "survey_torsions",
    "torsion_angles",
    "torsion_features",
]
