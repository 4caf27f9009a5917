"""Reference simulations: peptides from a sequence, OpenMM runs, manifests."""

from lamslide_md.reference.molecules import Molecule
from lamslide_md.reference.peptides import peptide
from lamslide_md.reference.platforms import PlatformChoice, choose_platform, parse_platform
from lamslide_md.reference.progress import Progress
from lamslide_md.reference.replicates import simulate_replicates
from lamslide_md.reference.settings import SimulationSettings
from lamslide_md.reference.simulation import simulate
from lamslide_md.reference.structures import clean_structure
from lamslide_md.reference.systems import PreparedSystem, prepare

__all__ = [
    "Molecule",
    "PlatformChoice",
    "PreparedSystem",
    "Progress",
    "SimulationSettings",
    "choose_platform",
    "clean_structure",
    "parse_platform",
    "peptide",
    "prepare",
    "simulate",
    "simulate_replicates",
]
