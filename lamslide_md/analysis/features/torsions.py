"""Torsions of a molecule: which there are, by names and by the bond graph."""

from collections import Counter
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np
from jaxtyping import Float
from mdtraj.geometry import dihedral as mdtraj_dihedral

from lamslide_md.analysis.features.names import BACKBONE, MOLECULE, NUCLEIC, SIDE_CHAIN, Torsion, TorsionNames
from lamslide_md.analysis.features.skeletons import Skeleton
from lamslide_md.errors import InputError
from lamslide_md.systems.bonds import in_small_ring

_PEPTIDE_TORSIONS = (
    ("phi", BACKBONE, mdtraj_dihedral.indices_phi, 2),
    ("psi", BACKBONE, mdtraj_dihedral.indices_psi, 1),
    ("chi1", SIDE_CHAIN, mdtraj_dihedral.indices_chi1, 1),
    ("chi2", SIDE_CHAIN, mdtraj_dihedral.indices_chi2, 1),
    ("chi3", SIDE_CHAIN, mdtraj_dihedral.indices_chi3, 1),
    ("chi4", SIDE_CHAIN, mdtraj_dihedral.indices_chi4, 1),
)
"""Name, kind, mdtraj's finder, and which of the four atoms names the residue the torsion belongs to."""

_ORDER = ("phi", "psi", *dict.fromkeys(name for name, kind, *_ in NUCLEIC if kind == BACKBONE))
"""Of the torsions of backbones; those of side chains follow by their number."""


@dataclass(frozen=True)
class TorsionSurvey:
    """The torsions of a molecule, and a sentence on the bonds that have none, or None."""

    torsions: tuple[Torsion, ...]
    left_out: str | None


def find_torsions(topology: md.Topology, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> tuple[Torsion, ...]:
    """One torsion for every bond between heavy atoms that turns, as `survey_torsions` finds them.

    Parameters
    ----------
    topology
        Topology; hydrogens may be missing.
    positions_nm
        A few frames of the same atoms, nm.

    Returns
    -------
    tuple of Torsion
        Backbone torsions first, then side chains, then others.

    Raises
    ------
    InputError
        If there is no torsion at all.
    """
    return survey_torsions(topology, positions_nm).torsions


def survey_torsions(topology: md.Topology, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> TorsionSurvey:
    """Find the torsions of a molecule, by names where residues have those of the PDB, by the bond graph elsewhere.

    Every bond between heavy atoms turns unless it is in a small ring, that of an amide, double, linear, or turns
    hydrogens only. Names and the graph together give each of them one torsion: phi, psi and chi1, chi2, ... of amino
    acids (caps and neighbours may be part of the same residue, rings closed by peptide bonds), alpha to zeta and chi of
    nucleic acids, and torsions named by their atoms.

    Parameters
    ----------
    topology
        Topology; hydrogens may be missing.
    positions_nm
        A few frames of the same atoms, nm, from which bonds are found when the topology has none.

    Returns
    -------
    TorsionSurvey
        Backbone torsions first, then side chains, then others.

    Raises
    ------
    InputError
        If there is no torsion at all.
    """
    skeleton = Skeleton.of(topology, positions_nm)
    torsions, across = _named_torsions(skeleton)
    left_out = Counter({"across gaps": across}) if across else Counter()
    named = {frozenset(torsion.atoms[1:3]) for torsion in torsions}
    added, names = [], TorsionNames(skeleton)
    for atoms in _turnable(skeleton):
        if frozenset(atoms[1:3]) in named:
            continue
        why = _why_left_out(skeleton, atoms)
        if why is None:
            added.append(names.name(atoms))
        else:
            left_out[why] += 1
    left_out["turning hydrogens only"] = sum(1 for _ in skeleton.turning_hydrogens())
    torsions = _in_order(topology, torsions, added)
    sentence = _sentence(left_out)
    if not torsions:
        raise InputError(
            f"no torsion found among {topology.n_atoms} atoms with {topology.n_bonds} bonds: a comparison needs at "
            "least one rotatable bond between heavy atoms; does the topology list bonds and atom names?"
            + (f" ({sentence})" if sentence else "")
        )
    return TorsionSurvey(_distinct_names(torsions), sentence)


def _named_torsions(skeleton: Skeleton) -> tuple[list[Torsion], int]:
    """Torsions by the names of the PDB, without those across gaps, which are counted."""
    torsions, across = [], 0
    for name, kind, finder, owner in _PEPTIDE_TORSIONS:
        for found in finder(skeleton.topology):
            first, second, third, fourth = (int(atom) for atom in found)
            pairs = ((first, second), (second, third), (third, fourth))
            if all(skeleton.is_bonded(*pair) for pair in pairs):
                residue = skeleton.topology.atom(int(found[owner])).residue
                torsions.append(Torsion(f"{name} {residue}", kind, (first, second, third, fourth)))
            else:
                across += 1
    return torsions, across


def _turnable(skeleton: Skeleton) -> list[tuple[int, int, int, int]]:
    """Four atoms for every bond whose ends have other heavy neighbours."""
    four = []
    for a, b in skeleton.bonds.tolist():
        before, after = ([atom for atom in skeleton.neighbours[end] if atom not in (a, b)] for end in (a, b))
        if b in skeleton.neighbours[a] and before and after:
            four.append((before[0], a, b, after[0]))
    return four


def _why_left_out(skeleton: Skeleton, atoms: tuple[int, int, int, int]) -> str | None:
    bond = atoms[1], atoms[2]
    if in_small_ring(skeleton.neighbours, bond):
        return "in small rings"
    if skeleton.is_amide(*bond):
        return "of amides"
    if skeleton.is_double(*bond):
        return "double"
    if skeleton.is_linear(atoms):
        return "linear"
    if _is_end_of_peptide(skeleton, bond):
        return "of terminal carboxyl groups"
    return None


def _is_end_of_peptide(skeleton: Skeleton, bond: tuple[int, int]) -> bool:
    """The carboxyl group of a named amino acid, whose oxygens are alike, or what is left of it: not yet psi."""
    for alpha, carbon in (bond, bond[::-1]):
        names = {atom.name for atom in skeleton.topology.atom(alpha).residue.atoms}
        of_backbone = skeleton.topology.atom(alpha).name == "CA" and skeleton.topology.atom(carbon).name == "C"
        n_oxygens = len(skeleton.ends(carbon, "O"))
        if of_backbone and "N" in names and n_oxygens == len(skeleton.neighbours[carbon]) - 1:
            return True
    return False


def _in_order(topology: md.Topology, named: list[Torsion], added: list[Torsion]) -> list[Torsion]:
    """Those by names as they are; those of the graph among them, by kind, name and residue."""
    if not added:
        return named

    def place(torsion: Torsion) -> tuple[int, int, int, int]:
        name = torsion.name.split()[0]
        kind = (BACKBONE, SIDE_CHAIN, MOLECULE).index(torsion.kind)
        if torsion.kind == MOLECULE:
            return kind, 0, 0, 0
        rank = _ORDER.index(name) if torsion.kind == BACKBONE else 0
        # The residue of C-alpha, which is in the middle of both phi and psi.
        owner = torsion.atoms[2] if name in ("phi", "alpha", "beta", "gamma") else torsion.atoms[1]
        number = int(name.removeprefix("chi") or 0) if torsion.kind == SIDE_CHAIN else 0
        return kind, rank, number, topology.atom(owner).residue.index

    return sorted([*named, *added], key=place)


def _sentence(left_out: Counter[str]) -> str | None:
    counted = [f"{number} {what}" for what, number in sorted(left_out.items()) if number]
    return "bonds that are not described by a torsion: " + ", ".join(counted) if counted else None


def _distinct_names(torsions: list[Torsion]) -> tuple[Torsion, ...]:
    counts = Counter(torsion.name for torsion in torsions)
    seen: Counter[str] = Counter()
    distinct = []
    for torsion in torsions:
        seen[torsion.name] += 1
        suffix = f" #{seen[torsion.name]}" if counts[torsion.name] > 1 else ""
        distinct.append(replace(torsion, name=torsion.name + suffix))
    return tuple(distinct)
