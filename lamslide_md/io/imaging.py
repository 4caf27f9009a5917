"""Molecules made whole, and molecules that belong together put side by side, where a periodic box has cut them."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import mdtraj as md
import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from lamslide_md.errors import InputError, note, option
from lamslide_md.io.separations import CONTACT_NM, called, contacts, sampled, touching_images
from lamslide_md.systems.bond_tree import BondTree
from lamslide_md.systems.periodicity import face_distances_nm, images, minimum_image, neighbour_pairs, usable_box

BELONG_TOGETHER = 0.5
"""Molecules in contact in more than this part of the frames are imaged together."""

AMBIGUOUS_STEP = 0.5
"""Of the distance between the faces: a molecule that moves further between two frames may be any of its images."""


@dataclass
class Imager:
    """Puts frames of one trajectory together, chunk by chunk, and drops the box.

    A box is used only where something shows that it is one: a molecule that is cut, molecules in contact through a
    face, or one that jumps. The box of an xtc header is often meaningless, and what is whole is left as it is. The box
    is dropped because everything downstream lives in open space; kept, it would make mdtraj measure to images.

    Attributes
    ----------
    topology
        With all bonds.
    name
        Of the file, for errors.
    solvated
        Whether the file held solvent, which shows that the box is one.
    """

    topology: md.Topology
    name: str
    solvated: bool = False
    _tree: BondTree = field(init=False, repr=False)
    _partners: list[tuple[int, int]] | None = field(default=None, init=False, repr=False)
    _shown: bool = field(default=False, init=False, repr=False)
    _last: np.ndarray | None = field(default=None, init=False, repr=False)
    _n_frames: int = field(default=0, init=False, repr=False)
    _noted: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._tree, self._shown = BondTree.of(self.topology), self.solvated

    @property
    def molecules(self) -> list[np.ndarray]:
        """Atoms of each molecule, the largest first."""
        return self._tree.molecules

    def put_together(self, frames: md.Trajectory, moved: np.ndarray) -> None:
        """Make molecules whole and image them together, in place.

        Parameters
        ----------
        frames
            The next frames, nm.
        moved
            Marks the atoms of molecules that are imaged together: the solute, shape (atoms,).

        Raises
        ------
        InputError
            If a molecule is bonded to its own image, or jumps between two frames.
        """
        cells = frames.unitcell_vectors
        frames.unitcell_vectors = None
        self.image(frames.xyz, cells, moved)
        self._n_frames += frames.n_frames

    def image(self, positions: np.ndarray, cells: np.ndarray | None, moved: np.ndarray) -> None:
        """Make molecules whole and image them together, in place, in boxes of any orientation.

        Parameters
        ----------
        positions
            The next frames, nm, shape (frames, atoms, 3).
        cells
            Box vectors as rows, nm, shape (frames, 3, 3); None without a box.
        moved
            Marks the atoms of molecules that are imaged together, shape (atoms,).

        Raises
        ------
        InputError
            If a molecule is bonded to its own image, or jumps between two frames.
        """
        if cells is None or not usable_box(cells):
            return
        cut = self._cut(positions, cells)
        if cut.any():
            self._shown = True
            positions[cut] = self._whole(positions[cut], cells[cut])
        together = [molecule for molecule in self.molecules if moved[molecule[0]]]
        if len(together) > 1:
            self._image(positions, cells, together)

    def _cut(self, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Frames in which a bond is longer than half the distance between two faces."""
        cut = np.zeros(len(positions), dtype=bool)
        limit = face_distances_nm(cells).min(axis=1)[:, None] / 2
        for pairs in (*self._tree.levels, self._tree.rest):
            if len(pairs):
                lengths = np.linalg.norm(positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]], axis=-1)
                cut |= (lengths > limit).any(axis=1)
        return cut

    def _whole(self, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        whole = positions.astype(np.float64)
        for pairs in self._tree.levels:
            atoms, neighbours = pairs.T
            whole[:, atoms] = whole[:, neighbours] + minimum_image(whole[:, atoms] - whole[:, neighbours], cells)
        self._refuse_networks(whole, cells)
        return whole

    def _refuse_networks(self, whole: np.ndarray, cells: np.ndarray) -> None:
        """A ring bond that is whole only through a face closes a molecule that has no end."""
        if not len(self._tree.rest):
            return
        vectors = whole[:, self._tree.rest[:, 0]] - whole[:, self._tree.rest[:, 1]]
        through = images(vectors, cells).any(axis=(0, 2))
        if through.any():
            one, other = (self.topology.atom(int(i)) for i in self._tree.rest[int(np.argmax(through))])
            raise InputError(
                f"{self.name}: {one} and {other} are bonded through the periodic box, so the structure has no end; "
                "periodic solids, slabs and polymers are not supported: a surrogate learns molecules in open space"
            )

    def _image(self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray]) -> None:
        """Move molecules by box vectors: to their partner where they belong together, else on from where they were."""
        if self._partners is None:
            self._partners = self._find_partners(positions, cells, molecules)
        self._shown = self._shown or self._jumps(positions, cells, molecules)
        if self._shown:
            for own in sorted(set(range(1, len(molecules))) - {own for own, _ in self._partners}):
                self._follow(positions, cells, molecules, own)
            for own, partner in self._partners:
                positions[:, molecules[own]] += _shifts_to(positions, cells, molecules[own], molecules[partner])
            self._check_jumps(positions, cells, molecules)
            self._tell_images(positions, cells, molecules)
        self._last = self._centres(positions[-1:], molecules)[0]

    def _tell_images(self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray]) -> None:
        """Note once molecules that were imaged by their way, which has led them to the image of another."""
        touching = {} if self._noted else touching_images(positions, cells, molecules)
        if touching:
            self._noted = True
            pair, count = max(touching.items(), key=lambda item: item[1])
            one, other = (called(self.topology, molecules[index]) for index in pair)
            note(
                f"{self.name}: {other} touches {one} through the box, and stands elsewhere, in {count} of "
                f"{len(sampled(len(positions)))} frames looked at: a surrogate learns them as far apart; cut the "
                f"trajectory where it leaves, or leave the molecule out ({option('atoms')})"
            )

    def _find_partners(
        self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray]
    ) -> list[tuple[int, int]]:
        """Pairs of a molecule and the one it belongs to, from the largest on; contacts through faces show the box."""
        chosen = sampled(len(positions))
        through, plain = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        for f in chosen:
            through.update(contacts(positions[f], molecules, cells[f]))
            plain.update(contacts(positions[f], molecules, None))
        self._shown |= any(count > plain[pair] for pair, count in through.items())
        often = [pair for pair, count in through.items() if count > BELONG_TOGETHER * len(chosen)]
        first, second = np.array(often, dtype=int).reshape(-1, 2).T
        graph = csr_array((np.ones(len(often)), (first, second)), shape=(len(molecules), len(molecules)))
        order, before = breadth_first_order(graph, 0, directed=False)
        return [(int(own), int(before[own])) for own in order[1:]]

    def _jumps(self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray]) -> bool:
        """Tell whether a molecule leaves for an image of itself, which shows that the box is one."""
        centres = self._centres(positions, molecules)
        if self._last is not None:
            centres, cells = np.concatenate([self._last[None], centres]), np.concatenate([cells[:1], cells])
        steps = np.diff(centres, axis=0)
        limit = face_distances_nm(cells[1:]).min(axis=1)[:, None] / 2
        far = np.linalg.norm(steps, axis=-1) > limit
        near = np.linalg.norm(minimum_image(steps, cells[1:]), axis=-1) < limit / 2
        return bool((far & near).any())

    def _follow(self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray], own: int) -> None:
        """Let a free molecule go on from where it was; at the first frame it is at the image nearest to the largest."""
        centres = self._centres(positions, [molecules[0], molecules[own]])[:, 1]
        before = np.zeros((1, 3)) if self._last is None else self._last[[own]]
        steps = np.diff(np.concatenate([before, centres]), axis=0)[:, None]
        shifts = np.einsum("fi,fij->fj", -images(steps, cells)[:, 0], cells.astype(np.float64))
        positions[:, molecules[own]] += np.cumsum(shifts, axis=0)[:, None].astype(np.float32)

    def _check_jumps(self, positions: np.ndarray, cells: np.ndarray, molecules: list[np.ndarray]) -> None:
        centres = self._centres(positions, molecules)
        known = centres if self._last is None else np.concatenate([self._last[None], centres])
        limits = face_distances_nm(cells).min(axis=1)[len(centres) - len(known) + 1 :]
        for f, (one, other) in enumerate(pairwise(known)):
            steps = np.linalg.norm(other - one, axis=-1)
            if steps.max() > AMBIGUOUS_STEP * limits[f]:
                jumper = molecules[int(steps.argmax())]
                frame = self._n_frames + f + (0 if len(known) > len(centres) else 1)
                raise InputError(
                    f"{self.name}: {called(self.topology, jumper)} moves by {steps.max():.3g} nm against "
                    f"{called(self.topology, molecules[0])} from frame {frame - 1} to {frame}, more than half of the "
                    f"box of {limits[f]:.3g} nm: which of its images it is cannot be told; image the file so that it "
                    f"does not jump, or leave the molecule out ({option('atoms')})"
                )

    @staticmethod
    def _centres(positions: np.ndarray, molecules: list[np.ndarray]) -> Float[np.ndarray, "frames molecules 3"]:
        """Centres of molecules from that of the first, nm."""
        centres = np.stack([positions[:, molecule].mean(axis=1, dtype=np.float64) for molecule in molecules], axis=1)
        return centres - centres[:, :1]


def _shifts_to(
    positions: Float[np.ndarray, "frames atoms 3"], cells: np.ndarray, own: np.ndarray, partner: np.ndarray
) -> Float[np.ndarray, "frames 1 3"]:
    """Shift of each frame that puts a molecule where its atoms are nearest to those of another, nm."""
    both = np.concatenate([own, partner])
    shifts = np.zeros((len(positions), 1, 3), dtype=np.float32)
    for f, (frame, cell) in enumerate(zip(positions, cells, strict=True)):
        cutoff_nm, pairs = CONTACT_NM, np.empty((0, 2), dtype=int)
        while not len(pairs) and cutoff_nm < face_distances_nm(cell).max():
            pairs = neighbour_pairs(frame[both], cutoff_nm, cell)
            pairs = pairs[(pairs[:, 0] < len(own)) & (pairs[:, 1] >= len(own))]
            cutoff_nm *= 2
        if len(pairs):
            vectors = (frame[both[pairs[:, 0]]] - frame[both[pairs[:, 1]]])[None]
            nearest = int(np.linalg.norm(minimum_image(vectors, cell[None])[0], axis=-1).argmin())
            shifts[f, 0] = -images(vectors, cell[None])[0, nearest] @ cell
    return shifts
