"""`Gate`: what every trajectory and every structure passes, whichever face of the program reads it.

A topology is not believed to be complete. It is checked once, against the first frames: elements, bonds, solvent; then
molecules are made whole and put together, and every frame is screened.
"""

from dataclasses import dataclass, field

import mdtraj as md
import numpy as np
from jaxtyping import Bool

from lamslide_md.errors import InputError, note, option
from lamslide_md.io.imaging import Imager
from lamslide_md.io.quiet import boxes_may_lack
from lamslide_md.io.separations import tell_jumps
from lamslide_md.systems import screening
from lamslide_md.systems.bond_finding import alternates, with_complete_bonds
from lamslide_md.systems.elements import SHORTEST_METAL_BOND_NM, with_elements, with_ligand_elements
from lamslide_md.systems.periodicity import minimum_image, neighbour_pairs, overlaps, usable_boxes
from lamslide_md.systems.selections import Selection, select
from lamslide_md.systems.solvent import composition, solute_mask

MOST_TOGETHER = 100
"""Molecules of a solute that are imaged together at most: more are a liquid, whose molecules have no place."""


@dataclass
class Gate:
    """Checks one trajectory, chunk by chunk.

    Attributes
    ----------
    name
        Of the file, for notes and errors.
    atoms
        Which atoms are kept.
    solvent
        Whether solvent and ions may be among them.
    check_bonds
        Whether impossible bonds are refused.
    solvated
        Solvent that was not read at all, in words.
    """

    name: str
    atoms: Selection
    solvent: bool = True
    check_bonds: bool = True
    solvated: str = ""
    _n_frames: int = field(default=0, init=False, repr=False)
    _leapt: bool = field(default=False, init=False, repr=False)
    _topology: md.Topology | None = field(default=None, init=False, repr=False)

    def passed(self, frames: md.Trajectory) -> md.Trajectory:
        """Check the next frames and keep the atoms that were asked for.

        Parameters
        ----------
        frames
            As they were read, nm; changed in place.

        Returns
        -------
        md.Trajectory
            Whole molecules without a box, nm.

        Raises
        ------
        InputError
            If coordinates are not finite, bonds impossible, elements wrong, or molecules cannot be imaged.
        """
        screening.check_finite(frames, self.name, self._n_frames)
        with boxes_may_lack():
            cells = frames.unitcell_vectors
        boxed = usable_boxes(cells, frames.n_frames)
        if self._topology is None:
            self._open(frames, cells, boxed)
        frames.topology = self._topology
        self._check_boxes(boxed)
        if boxed.any() and not self._meaningless:
            some = frames if boxed.all() else frames[boxed]
            self._imager.put_together(some, self._together)
            frames.xyz[boxed] = some.xyz
        elif not boxed.any() and not self._leapt:
            solute = [molecule for molecule in self._imager.molecules if self._together[molecule[0]]]
            if len(solute) > 1:
                self._leapt = tell_jumps(frames.xyz, solute, self._topology, self.name, self._n_frames)
        frames.unitcell_vectors = None
        if self.check_bonds:
            screening.check_bonds(frames, self.name, self._n_frames, bonds=self._bonds)
        self._n_frames += frames.n_frames
        xyz = frames.xyz if len(self._kept) == frames.n_atoms else frames.xyz[:, self._kept]
        return md.Trajectory(xyz, self._kept_topology, time=frames.time)

    def _open(self, frames: md.Trajectory, cells: np.ndarray | None, boxed: Bool[np.ndarray, " frames"]) -> None:
        """Complete the topology and choose the atoms."""
        if not frames.n_atoms:
            raise InputError(f"{self.name} has no atoms")
        first, atoms = int(boxed.argmax()), _real(frames.topology)
        # The box of an xtc header may mean nothing: one that puts atoms into each other does.
        self._meaningless = cells is not None and bool(boxed.any()) and overlaps(frames.xyz[first, atoms], cells[first])
        self._boxed, periodic = bool(boxed[0]), bool(boxed.any()) and not self._meaningless
        if not periodic:
            frames.unitcell_vectors = None
        elif not boxed.all():
            frames = frames[boxed]
        topology = with_elements(frames.topology, self.name)
        frames.topology = with_ligand_elements(topology, _nearest_nm(frames), self.name)
        doubled = alternates(frames.topology)
        if len(doubled):
            names = ", ".join(dict.fromkeys(str(frames.topology.atom(int(index)).residue) for index in doubled[:20]))
            note(f"{self.name}: {len(doubled)} atoms are left out that are alternate locations of others ({names})")
        self._topology = with_complete_bonds(frames, self.name)
        self._bonds = screening.KnownBonds(self._topology)
        if self.check_bonds:
            screening.check_places(frames, self.name)
        if self.check_bonds and not self._topology.n_bonds and not periodic:
            screening.check_unit(frames, self.name)
        if periodic:
            screening.check_is_molecular(self._topology, self.name)
        self._imager = Imager(self._topology, self.name, solvated=bool(self.solvated))
        is_solute = solute_mask(self._topology, self._imager.molecules)
        self._n_molecules = n_molecules = sum(is_solute[molecule[0]] for molecule in self._imager.molecules)
        self._together = is_solute & (n_molecules <= MOST_TOGETHER)
        kept = np.setdiff1d(select(self._topology, self.atoms), doubled)
        if not self.solvent:
            if periodic and n_molecules > MOST_TOGETHER:
                raise InputError(
                    f"{self.name} is a periodic box of {n_molecules} molecules, none of them in solution; a "
                    f"surrogate learns molecules in open space: choose some of them with {option('atoms')}"
                )
            left_out = ~is_solute
            removed = ", ".join(filter(None, (self.solvated, composition(self._topology, left_out))))
            if removed:
                note(f"{self.name}: solvent and ions are left out ({removed}), the solute is read")
            kept = kept[is_solute[kept]]
        self._kept = kept
        self._kept_topology = self._topology if len(kept) == self._topology.n_atoms else self._topology.subset(kept)

    def _check_boxes(self, boxed: Bool[np.ndarray, " frames"]) -> None:
        """Refuse several molecules of which some frames tell no place."""
        odd = np.flatnonzero(boxed != self._boxed)
        if len(odd) and self._n_molecules > 1 and not self._meaningless:
            frame = self._n_frames + int(odd[0])
            has, lacks = (0, frame) if self._boxed else (frame, 0)
            raise InputError(
                f"{self.name}: frame {has} has a periodic box, frame {lacks} has none: where its {self._n_molecules} "
                "molecules are to each other cannot be told in every frame; write the box of all frames"
            )


def screened(
    trajectory: md.Trajectory, name: str, *, topology: md.Topology | None = None, check_bonds: bool = True
) -> md.Trajectory:
    """Let a trajectory in memory pass the gate; it is not changed itself.

    Parameters
    ----------
    trajectory
        Frames, nm.
    name
        What to call it in notes and errors.
    topology
        Of the same atoms, as another trajectory has brought it through the gate; its own when left out.
    check_bonds
        Whether impossible bonds are refused.

    Returns
    -------
    md.Trajectory
        All its atoms, whole, without a box; coordinates are shared where nothing had to be moved.

    Raises
    ------
    InputError
        If coordinates are not finite, bonds impossible, elements wrong, or molecules cannot be imaged.
    """
    boxed = trajectory.unitcell_lengths is not None
    frames = md.Trajectory(
        trajectory.xyz.copy() if boxed else trajectory.xyz,
        trajectory.topology if topology is None else topology,
        time=trajectory.time,
        unitcell_lengths=trajectory.unitcell_lengths,
        unitcell_angles=trajectory.unitcell_angles,
    )
    return Gate(name, "all", check_bonds=check_bonds).passed(frames)


def _real(topology: md.Topology) -> Bool[np.ndarray, " atoms"]:
    """Mark atoms that are no virtual sites, which may be as near to atoms as they like."""
    return np.array([atom.element not in (None, md.element.virtual) for atom in topology.atoms], dtype=bool)


def _nearest_nm(frames: md.Trajectory) -> np.ndarray:
    """Distance of every atom to its nearest neighbour in the first frame, nm; infinite where there is none near."""
    cell = None if frames.unitcell_vectors is None else frames.unitcell_vectors[0]
    pairs = neighbour_pairs(frames.xyz[0], SHORTEST_METAL_BOND_NM, cell)
    vectors = (frames.xyz[0, pairs[:, 0]] - frames.xyz[0, pairs[:, 1]])[None]
    lengths = np.linalg.norm(minimum_image(vectors, None if cell is None else cell[None])[0], axis=-1)
    nearest = np.full(frames.n_atoms, np.inf)
    np.minimum.at(nearest, pairs.ravel(), np.repeat(lengths, 2))
    return nearest
