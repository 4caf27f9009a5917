"""ASE Atoms to mdtraj trajectories and back: Å and nm."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.data import chemical_symbols
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.atom_counts import atom_count_error

NM_PER_ANGSTROM = 0.1

OPEN_SPACE = 20.0
"""Å between a structure and its image in a direction that is not periodic."""


def topology_from_ase(atoms: Atoms) -> md.Topology:
    """Topology of ASE Atoms, with names and residues where ASE holds them, and without bonds.

    Parameters
    ----------
    atoms
        One structure.

    Returns
    -------
    md.Topology
        One chain; one residue for all atoms unless ASE read residues from a PDB file.
    """
    arrays = atoms.arrays
    symbols = atoms.get_chemical_symbols()
    names = [str(name) for name in arrays.get("atomtypes", symbols)]
    residue_names = arrays.get("residuenames", ["MOL"] * len(atoms))
    residue_numbers = arrays.get("residuenumbers", [1] * len(atoms))
    topology = md.Topology()
    chain = topology.add_chain()
    residue, current = None, None
    for symbol, name, residue_name, number in zip(symbols, names, residue_names, residue_numbers, strict=True):
        if residue is None or (str(residue_name), int(number)) != current:
            current = (str(residue_name), int(number))
            residue = topology.add_residue(current[0].strip() or "MOL", chain, resSeq=current[1])
        element = md.element.virtual if symbol == "X" else md.element.Element.getBySymbol(symbol)
        topology.add_atom(name.strip() or symbol, element, residue)
    return topology


def trajectory_from_ase(
    frames: Sequence[Atoms], topology: md.Topology | None = None, source: str = "Atoms", topology_name: str = "top"
) -> md.Trajectory:
    """Trajectory of ASE Atoms, with a box where a direction is periodic, and without times.

    Parameters
    ----------
    frames
        Structures of the same atoms in the same order, Å.
    topology
        Topology of these atoms; derived from the first structure when left out.
    source
        File name for the messages.
    topology_name
        The topology's file name for the messages.

    Returns
    -------
    md.Trajectory
        Positions in nm; `time` counts frames.

    Raises
    ------
    InputError
        If there is no structure, or the atoms of a structure differ from the first's.
    """
    if not frames:
        raise InputError(f"{source} has no frames")
    numbers = frames[0].numbers
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(chemical_symbols):
        raise InputError(f"{source} is damaged: it has atoms of number {numbers.max()}, and there is no such element")
    for index, atoms in enumerate(frames):
        if not np.array_equal(atoms.numbers, numbers):
            raise InputError(
                f"{source}: frame {index} is {atoms.get_chemical_formula() or 'empty'}, frame 0 is "
                f"{frames[0].get_chemical_formula()} or has another atom order; a trajectory keeps its atoms"
            )
    topology = topology if topology is not None else topology_from_ase(frames[0])
    if topology.n_atoms != len(numbers):
        raise atom_count_error(source, len(numbers), topology_name, topology)
    placed = [_in_box(atoms) for atoms in frames]
    xyz = np.stack([positions for positions, _ in placed]) * NM_PER_ANGSTROM
    trajectory = md.Trajectory(xyz.astype(np.float32), topology)
    if any(box is not None for _, box in placed):
        none = np.array([0.0, 0.0, 0.0, 90.0, 90.0, 90.0])
        cells = np.stack([none if box is None else box.cellpar() for _, box in placed])
        trajectory.unitcell_lengths = cells[:, :3] * NM_PER_ANGSTROM
        trajectory.unitcell_angles = cells[:, 3:]
    return trajectory


def _in_box(atoms: Atoms) -> tuple[np.ndarray, Cell | None]:
    """Positions turned as mdtraj holds boxes, the first vector along x, and the box; open directions get a wide one."""
    if not atoms.pbc.any() or not np.isfinite(atoms.positions).all():
        return atoms.positions, None
    box = atoms.cell.complete().array
    extent = np.ptp(atoms.positions, axis=0).max() + OPEN_SPACE
    for axis in np.flatnonzero(~atoms.pbc):
        box[axis] *= max(1.0, extent * np.linalg.norm(np.linalg.inv(box)[:, axis]))
    upright, turn = Cell(box).standard_form()
    return atoms.positions @ turn.T, upright


def ase_frames(
    topology: md.Topology,
    positions_nm: Float[np.ndarray, "frames atoms 3"],
    time_ps: Float[np.ndarray, " frames"],
    chain: int,
) -> list[Atoms]:
    """Frames of a chain as ASE Atoms, named as ASE names what it reads from a PDB file.

    Parameters
    ----------
    topology
        Atoms of a frame.
    positions_nm
        Coordinates.
    time_ps
        Times, kept as ``time_ps`` in the info of every frame.
    chain
        Index of the chain, kept as ``chain``.

    Returns
    -------
    list of Atoms
        Positions in Å.
    """
    members = list(topology.atoms)
    template = Atoms([atom.element.symbol for atom in members])
    template.set_array("atomtypes", np.array([atom.name for atom in members]))
    template.set_array("residuenames", np.array([atom.residue.name for atom in members]))
    template.set_array("residuenumbers", np.array([atom.residue.resSeq for atom in members]))
    frames = []
    for positions, time in zip(positions_nm, time_ps, strict=True):
        atoms = template.copy()
        atoms.positions[:] = positions / NM_PER_ANGSTROM
        atoms.info.update(time_ps=float(time), chain=chain)
        frames.append(atoms)
    return frames
