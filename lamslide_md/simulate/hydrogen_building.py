"""From the atoms of a trajectory to all particles of an OpenMM system: matched by name, missing hydrogens rebuilt."""

import copy

import mdtraj as md
import numpy as np
import openmm
from jaxtyping import Float
from openmm import Platform, unit
from openmm.app import Modeller, Topology
from scipy.spatial.distance import pdist

from lamslide_md.errors import InputError
from lamslide_md.simulate.randomness import seeded_random
from lamslide_md.simulate.systems import PreparedSystem
from lamslide_md.systems.topologies import Label, labels_of

BOND_KJ_PER_MOL_NM2 = 4e5
"""Spring in place of a constraint while hydrogens are relaxed; that of a C-H bond in ff14SB is 2.8e5."""

NEAREST_NM = 0.03
"""No two atoms of any molecule are nearer (H-H: 0.074 nm). Forces beyond this make minimisers run without end."""
MOST_ITERATIONS = 10_000
"""Of a minimisation; peptides take hundreds."""


class HydrogenBuilder:
    """Puts frames of a trajectory into the order of a system, with all of its atoms.

    Hydrogens are taken from the trajectory if it has all of the system's. Otherwise all are rebuilt: exactly those of
    the system's topology, bonded as it says (so its protonation, not one chosen by pH), by OpenMM's
    `Modeller.addHydrogens`, then relaxed in the system's own force field while the heavy atoms stay where they are.
    This needs no force-field file, so that a system of the user's own is treated the same.

    Parameters
    ----------
    prepared
        The system, with hydrogens in its topology.
    source
        Topology of the trajectory.

    Raises
    ------
    InputError
        If the trajectory lacks heavy atoms of the system, or has others.
    """

    def __init__(self, prepared: PreparedSystem, source: md.Topology) -> None:
        self.prepared, self.topology = prepared, md.Topology.from_openmm(prepared.topology)
        labels, there = labels_of(self.topology), {label: i for i, label in enumerate(labels_of(source))}
        hydrogen = np.array([_is_hydrogen(atom) for atom in self.topology.atoms])
        self.heavy = np.flatnonzero(~hydrogen)
        missing = [labels[i] for i in self.heavy if labels[i] not in there]
        surplus = [label for label, i in there.items() if label not in set(labels) and not _is_hydrogen(source.atom(i))]
        if missing or surplus:
            raise InputError(_complaint(prepared.name, missing, surplus))
        self.rebuilds = any(label not in there for label in labels)
        kept = self.heavy if self.rebuilds else range(len(labels))
        self._index = np.array([there[labels[i]] for i in kept])
        if self.rebuilds:
            self._variants = _hydrogens_of_residues(prepared)
            self._relaxed = _hydrogen_context(prepared, hydrogen)

    def positions_nm(self, frame_nm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "atoms 3"]:
        """Positions of all particles for a frame of the trajectory.

        Parameters
        ----------
        frame_nm
            Positions in the trajectory's order.

        Returns
        -------
        np.ndarray
            In the system's order; heavy atoms unchanged.

        Raises
        ------
        openmm.OpenMMException
            If atoms lie on one another, or a coordinate is not finite.
        """
        given_nm = frame_nm[self._index].astype(np.float64)
        if not np.isfinite(given_nm).all() or pdist(given_nm).min(initial=np.inf) < NEAREST_NM:
            raise openmm.OpenMMException(f"coordinates are not finite, or atoms are nearer than {NEAREST_NM:g} nm")
        if not self.rebuilds:
            return given_nm
        positions_nm = np.zeros((self.topology.n_atoms, 3))
        positions_nm[self.heavy] = given_nm
        modeller = Modeller(self.prepared.topology, positions_nm * unit.nanometer)
        heavy = set(self.heavy.tolist())
        modeller.delete([atom for atom in self.prepared.topology.atoms() if atom.index not in heavy])
        with seeded_random():
            # Hydrogens start at random places.
            modeller.addHydrogens(variants=self._variants, platform=Platform.getPlatformByName("Reference"))
        built_nm = np.array(modeller.positions.value_in_unit(unit.nanometer))
        built = {label: i for i, label in enumerate(labels_of(md.Topology.from_openmm(modeller.topology)))}
        self._relaxed.setPositions(built_nm[[built[label] for label in labels_of(self.topology)]])
        minimise(self._relaxed)
        relaxed_nm = self._relaxed.getState(positions=True).getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        relaxed_nm[self.heavy] = given_nm
        return relaxed_nm


def potential_kJ_per_mol(context: openmm.Context) -> float:
    """Potential energy at the positions of a context, kJ/mol."""
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)


def minimise(context: openmm.Context) -> None:
    """Go down to the nearest minimum.

    Parameters
    ----------
    context
        With positions, which change.

    Raises
    ------
    openmm.OpenMMException
        If the energy is not finite: OpenMM's minimiser would never end.
    """
    energy = potential_kJ_per_mol(context)
    if not np.isfinite(energy):
        raise openmm.OpenMMException(f"the energy is {energy:g} kJ/mol: atoms lie on one another")
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=MOST_ITERATIONS)


def own_system(system: openmm.System, topology: Topology) -> PreparedSystem:
    """Take a system of the user's own, which comes without positions.

    Parameters
    ----------
    system
        Forces and masses.
    topology
        Its particles, bonds included.

    Returns
    -------
    PreparedSystem
        All particles at the origin.
    """
    n_atoms = topology.getNumAtoms()
    return PreparedSystem("the system given", topology, np.zeros((n_atoms, 3)), system, np.arange(n_atoms), "own")


def _hydrogens_of_residues(prepared: PreparedSystem) -> list[list[tuple[str, str]]]:
    """Hydrogens of every residue with the atoms they are bonded to, as `Modeller.addHydrogens` takes them."""
    variants: list[list[tuple[str, str]]] = [[] for _ in prepared.topology.residues()]
    n_bonded = 0
    for pair in prepared.topology.bonds():
        for hydrogen, parent in (pair, pair[::-1]):
            if _is_hydrogen(hydrogen) and not _is_hydrogen(parent):
                variants[hydrogen.residue.index].append((hydrogen.name, parent.name))
                n_bonded += 1
    n_hydrogens = sum(map(_is_hydrogen, prepared.topology.atoms()))
    if n_bonded != n_hydrogens:
        raise InputError(
            f"{prepared.name}: {n_hydrogens} hydrogens have {n_bonded} bonds in the topology, one each is needed to "
            "build them; add the bonds, or pass frames of all atoms"
        )
    return variants


def _hydrogen_context(prepared: PreparedSystem, hydrogen: np.ndarray) -> openmm.Context:
    """The system with heavy atoms that cannot move, and springs for constraints, which OpenMM refuses on such atoms."""
    system = copy.deepcopy(prepared.system)
    springs = openmm.HarmonicBondForce()
    for index in range(system.getNumConstraints()):
        first, second, length = system.getConstraintParameters(index)
        springs.addBond(first, second, length, BOND_KJ_PER_MOL_NM2)
    for index in reversed(range(system.getNumConstraints())):
        system.removeConstraint(index)
    system.addForce(springs)
    for index in np.flatnonzero(~hydrogen).tolist():
        system.setParticleMass(index, 0.0)
    return openmm.Context(system, openmm.VerletIntegrator(0.001), Platform.getPlatformByName("Reference"))


def _is_hydrogen(atom: object) -> bool:
    element = atom.element  # type: ignore[attr-defined]
    return element is not None and element.symbol == "H"


def _complaint(name: str, missing: list[Label], surplus: list[Label]) -> str:
    parts = []
    for labels, what in ((missing, "lack"), (surplus, "have beside those")):
        if labels:
            shown = ", ".join(f"{residue}{index + 1}-{atom}" for index, residue, atom in labels[:5])
            parts.append(f"{what} {shown}{', ...' if labels[5:] else ''}")
    return (
        f"the frames do not match the system {name}: they {' and '.join(parts)}; is it another molecule, or are its "
        "atoms or residues named otherwise?"
    )
