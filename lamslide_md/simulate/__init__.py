"""Reference simulations: peptides from a sequence, OpenMM runs, manifests."""

from lamslide_md.simulate.molecules import Molecule
from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.platforms import PlatformChoice, parse_platform
from lamslide_md.simulate.progress import Progress
from lamslide_md.simulate.replicates import simulate_replicates
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.simulation import simulate
from lamslide_md.simulate.structures import clean_structure
from lamslide_md.simulate.systems import PreparedSystem, prepare
from lamslide_md.simulate.timing import choose_platform

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
