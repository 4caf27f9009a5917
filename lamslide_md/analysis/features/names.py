"""Names of torsions that the bond graph gave: phi and psi, alpha to zeta, chi, or simply the names of the atoms."""

from collections import Counter
from dataclasses import dataclass

from mdtraj.core.topology import Atom

from lamslide_md.analysis.features.skeletons import Skeleton

BACKBONE, SIDE_CHAIN, MOLECULE = "backbone", "side chain", "molecule"

Four = tuple[int, int, int, int]

NUCLEIC = (
    ("alpha", BACKBONE, ("O3'", "P", "O5'", "C5'"), 2),
    ("beta", BACKBONE, ("P", "O5'", "C5'", "C4'"), 1),
    ("gamma", BACKBONE, ("O5'", "C5'", "C4'", "C3'"), 1),
    ("epsilon", BACKBONE, ("C4'", "C3'", "O3'", "P"), 1),
    ("zeta", BACKBONE, ("C3'", "O3'", "P", "O5'"), 1),
    ("chi", SIDE_CHAIN, ("O4'", "C1'", "N9", "C4"), 1),
    ("chi", SIDE_CHAIN, ("O4'", "C1'", "N1", "C2"), 1),
)
"""Name, kind, atoms, and which of them names the nucleotide; delta is in the ring of the sugar."""


@dataclass(frozen=True)
class Torsion:
    """One torsion angle: its name ("psi ALA2"), its kind, and its four atoms."""

    name: str
    kind: str
    atoms: Four


class TorsionNames:
    """Names the torsions of one molecule by what they are in a peptide or a nucleic acid.

    Parameters
    ----------
    skeleton
        Heavy atoms and bonds.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._topology = skeleton.topology
        atoms = [skeleton.topology.atom(alpha) for alpha in skeleton.alphas]
        self._alphas_of_residue = Counter(atom.residue.index for atom in atoms)
        self._alphas_of_name = Counter((atom.residue.index, atom.name) for atom in atoms)
        self._of_bond: dict[frozenset[int], Torsion] = {}
        for alpha, (nitrogen, carbon) in skeleton.alphas.items():
            self._name_backbone(alpha, nitrogen, carbon)
            self._name_side_chain(alpha, nitrogen)

    def name(self, atoms: Four) -> Torsion:
        """Name a torsion.

        Parameters
        ----------
        atoms
            Any of those about the bond in the middle.

        Returns
        -------
        Torsion
            About the same bond, with the four atoms that belong to its name.
        """
        known = self._of_bond.get(frozenset(atoms[1:3])) or self._nucleic(atoms)
        if known is not None:
            return known
        names = "-".join(self._topology.atom(atom).name for atom in atoms)
        return Torsion(f"{names} {self._topology.atom(atoms[1]).residue}", MOLECULE, atoms)

    def _residue(self, alpha: int) -> str:
        """A residue, with the C-alpha where it holds several."""
        atom = self._topology.atom(alpha)
        if self._alphas_of_residue[atom.residue.index] == 1:
            return str(atom.residue)
        alone = self._alphas_of_name[atom.residue.index, atom.name] == 1
        return f"{atom.residue}-{atom.name if alone else alpha}"

    def _name_backbone(self, alpha: int, nitrogen: int, carbon: int) -> None:
        skeleton, residue = self._skeleton, self._residue(alpha)
        before = [atom for atom in skeleton.neighbours[nitrogen] if atom != alpha and skeleton.is_carbonyl(atom)]
        after = [atom for atom in skeleton.neighbours[carbon] if atom != alpha and skeleton.elements[atom] == "N"]
        if before:
            phi = Torsion(f"phi {residue}", BACKBONE, (before[0], nitrogen, alpha, carbon))
            self._of_bond[frozenset((nitrogen, alpha))] = phi
        if after:
            psi = Torsion(f"psi {residue}", BACKBONE, (nitrogen, alpha, carbon, after[0]))
            self._of_bond[frozenset((alpha, carbon))] = psi

    def _name_side_chain(self, alpha: int, nitrogen: int) -> None:
        """Name bonds by their distance from C-alpha, as far as the residue goes and one bond out of it (cystine)."""
        skeleton, residue = self._skeleton, self._topology.atom(alpha).residue
        backbone = {alpha, *skeleton.alphas[alpha]}
        reached, border, depth = set(backbone), [(nitrogen, alpha)], 0
        while border:
            depth, next_border = depth + 1, []
            for before, near in border:
                for far in skeleton.neighbours[near]:
                    if far in reached or far in skeleton.alphas or skeleton.is_amide(near, far):
                        continue
                    reached.add(far)
                    after = [atom for atom in skeleton.neighbours[far] if atom != near]
                    if after:
                        chi = Torsion(f"chi{depth} {self._residue(alpha)}", SIDE_CHAIN, (before, near, far, after[0]))
                        self._of_bond.setdefault(frozenset((near, far)), chi)
                    if self._topology.atom(far).residue is residue:
                        next_border.append((near, far))
            border = next_border

    def _nucleic(self, atoms: Four) -> Torsion | None:
        for name, kind, wanted, owner in NUCLEIC:
            for middle in (atoms[1:3], atoms[2:0:-1]):
                if tuple(_primed(self._topology.atom(atom)) for atom in middle) != wanted[1:3]:
                    continue
                first, last = self._neighbour(middle[0], wanted[0]), self._neighbour(middle[1], wanted[3])
                if first is not None and last is not None:
                    found = (first, *middle, last)
                    return Torsion(f"{name} {self._topology.atom(found[owner]).residue}", kind, found)
        return None

    def _neighbour(self, atom: int, name: str) -> int | None:
        bonded = self._skeleton.neighbours[atom]
        return next((other for other in bonded if _primed(self._topology.atom(other)) == name), None)


def _primed(atom: Atom) -> str:
    return str(atom.name).replace("*", "'")
