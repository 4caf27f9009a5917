"""Force fields: from a molecule to what OpenMM integrates. amber14 ff14SB with implicit or explicit solvent."""

from dataclasses import dataclass

import numpy as np
import openmm
from openmm import unit
from openmm.app import PME, AllBonds, ForceField, HBonds, Modeller, NoCutoff, Topology
from openmm.app.internal.customgbforces import GBSAOBC2Force

from lamslide_md.errors import InputError
from lamslide_md.simulate.molecules import Molecule
from lamslide_md.simulate.randomness import seeded_random
from lamslide_md.simulate.settings import SimulationSettings

PROTEIN = "amber14/protein.ff14SB.xml"
WATER = {"tip3pfb": ("amber14/tip3pfb.xml", "tip3p"), "opc": ("amber14/opc.xml", "tip4pew")}
"""Force-field file, and the water box of the same sites that Modeller lays out."""
CONSTRAINTS = {"HBonds": HBonds, "AllBonds": AllBonds, "none": None}
CUTOFF_NM = 0.9


@dataclass(frozen=True)
class PreparedSystem:
    """What OpenMM integrates, and which of its particles are written.

    Build one yourself to simulate with a force field of your own: then only temperature, friction, time step, lengths
    and intervals of the settings are used.

    Attributes
    ----------
    name
        Short name for folders and messages.
    topology
        All particles.
    positions_nm
        Positions in nm, shape (particles, 3).
    system
        Masses, forces, constraints and, where periodic, the box.
    solute
        Indices of the particles that are written, shape (atoms,).
    force_field
        Text for the manifest.
    notes
        What was changed when the structure was read, for the manifest.
    """

    name: str
    topology: Topology
    positions_nm: np.ndarray
    system: openmm.System
    solute: np.ndarray
    force_field: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes = (self.topology.getNumAtoms(), self.system.getNumParticles(), len(self.positions_nm))
        if len(set(sizes)) != 1:
            raise InputError(
                f"{self.name}: the topology has {sizes[0]} atoms, the system {sizes[1]} particles, and there are "
                f"{sizes[2]} positions; all three must belong together"
            )


def prepare(molecule: Molecule, settings: SimulationSettings) -> PreparedSystem:
    """Give a molecule its force field and solvent.

    Parameters
    ----------
    molecule
        Solute with hydrogens.
    settings
        Solvent, constraints, hydrogen mass.

    Returns
    -------
    PreparedSystem
        Ready to simulate.

    Raises
    ------
    InputError
        If ff14SB lacks parameters for a residue.
    """
    if settings.is_explicit:
        return _explicit(molecule, settings)
    files = [PROTEIN, "implicit/gbn2.xml"] if settings.solvent == "gbn2" else [PROTEIN]
    arguments = {"solventDielectric": settings.solvent_dielectric} if settings.solvent == "gbn2" else {}
    system = _create_system(ForceField(*files), molecule.topology, molecule.name, settings, NoCutoff, **arguments)
    if settings.solvent == "obc2":
        add_native_obc2(system, molecule.topology, settings.solvent_dielectric)
    described = {"obc2": "GBSA-OBC2 (native GBSAOBCForce)", "gbn2": "GBSA-GBn2", "vacuum": "vacuum"}[settings.solvent]
    everything = np.arange(molecule.topology.getNumAtoms())
    return PreparedSystem(
        molecule.name,
        molecule.topology,
        molecule.positions_nm,
        system,
        everything,
        f"amber14 ff14SB + {described}",
        molecule.notes,
    )


def add_native_obc2(system: openmm.System, topology: Topology, solvent_dielectric: float) -> None:
    """Add generalised-Born solvent as OpenMM's native `GBSAOBCForce`, in place.

    The force field's own `implicit/obc2.xml` has the same energy as a `CustomGBForce`, which is 5 (155 atoms) to 36
    times (22 atoms) slower on the Reference platform (benchmarks/reference.py). Charges are the system's; radii and
    scale factors are the force field's.

    Parameters
    ----------
    system
        System with one `NonbondedForce` without cutoff.
    topology
        Its atoms.
    solvent_dielectric
        Relative permittivity, 1.

    References
    ----------
    Onufriev, Bashford, Case, Proteins 55, 383 (2004), model II.
    """
    nonbonded = next(force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    nonbonded.setReactionFieldDielectric(1.0)
    solvent = openmm.GBSAOBCForce()
    solvent.setSolventDielectric(solvent_dielectric)
    solvent.setSoluteDielectric(1.0)
    solvent.setNonbondedMethod(openmm.GBSAOBCForce.NoCutoff)
    for index, (radius, scale) in enumerate(GBSAOBC2Force.getStandardParameters(topology)):
        charge = nonbonded.getParticleParameters(index)[0]
        solvent.addParticle(charge, float(radius), float(scale))
    system.addForce(solvent)


def _explicit(molecule: Molecule, settings: SimulationSettings) -> PreparedSystem:
    file, water_model = WATER[settings.solvent]
    force_field = ForceField(PROTEIN, file)
    modeller = Modeller(molecule.topology, molecule.positions_nm * unit.nanometer)
    n_solute = molecule.topology.getNumAtoms()
    with seeded_random():
        # Ions take the places of random water molecules.
        modeller.addSolvent(
            force_field,
            model=water_model,
            padding=settings.padding_nm * unit.nanometer,
            ionicStrength=settings.salt_molar * unit.molar,
        )
    system = _create_system(force_field, modeller.topology, molecule.name, settings, PME, nonbondedCutoff=CUTOFF_NM)
    pressure = settings.pressure_bar * unit.bar
    system.addForce(openmm.MonteCarloBarostat(pressure, settings.temperature_K * unit.kelvin))
    positions_nm = np.array(modeller.positions.value_in_unit(unit.nanometer), dtype=np.float64)
    return PreparedSystem(
        molecule.name,
        modeller.topology,
        positions_nm,
        system,
        np.arange(n_solute),
        f"amber14 ff14SB + {settings.solvent}, PME {CUTOFF_NM:g} nm, {settings.salt_molar:g} M NaCl, "
        f"{settings.pressure_bar:g} bar",
        molecule.notes,
    )


def _create_system(
    force_field: ForceField,
    topology: Topology,
    name: str,
    settings: SimulationSettings,
    nonbonded_method: object,
    **arguments: float,
) -> openmm.System:
    try:
        return force_field.createSystem(
            topology,
            nonbondedMethod=nonbonded_method,
            constraints=CONSTRAINTS[settings.constraints],
            hydrogenMass=settings.hydrogen_mass_amu,
            **arguments,
        )
    except ValueError as error:
        raise InputError(
            f"{name} cannot be given the ff14SB force field: {str(error).split('  For more')[0]} Clean the structure, "
            "or pass a PreparedSystem with a force field of your own"
        ) from error
