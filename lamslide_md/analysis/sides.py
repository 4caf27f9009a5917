"""The two sides of a comparison brought to the same atoms: reading, checking and matching what the user gave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np
from mdtraj.core.topology import Atom

from lamslide_md.analysis.shared_molecules import is_solvent_or_ion, shared_residues
from lamslide_md.errors import InputError
from lamslide_md.io.gate import screened

MIN_FRAMES = 10

Key = tuple[int, str]
"""Index of a residue of the reference and name of an atom."""


@dataclass(frozen=True)
class Side:
    """Trajectories of one side, cut to the compared atoms; positions in nm, shape (frames, atoms, 3) each."""

    name: str
    positions_nm: tuple[np.ndarray, ...]
    interval_ps: float

    @property
    def n_frames(self) -> int:
        """Frames of all trajectories together."""
        return sum(len(positions) for positions in self.positions_nm)

    @property
    def longest_ps(self) -> float:
        """Duration of the longest trajectory, ps."""
        return (max(len(positions) for positions in self.positions_nm) - 1) * self.interval_ps

    @property
    def total_ps(self) -> float:
        """Duration of all trajectories together, ps."""
        return self.n_frames * self.interval_ps

    def thinned(self, n_frames: int) -> "Side":
        """Keep that many frames, evenly spread over all trajectories; all of them if there are fewer."""
        if n_frames >= self.n_frames:
            return self
        chosen = np.linspace(0, self.n_frames - 1, n_frames).round().astype(int)
        starts = np.cumsum([0] + [len(positions) for positions in self.positions_nm])
        parts = [
            positions[chosen[(chosen >= start) & (chosen < start + len(positions))] - start]
            for positions, start in zip(self.positions_nm, starts[:-1], strict=True)
        ]
        kept = tuple(part for part in parts if len(part))
        return replace(self, positions_nm=kept, interval_ps=self.interval_ps * self.n_frames / n_frames)

    def strided(self, stride: int) -> "Side":
        """Keep every so-many-th frame of every trajectory."""
        return replace(
            self,
            positions_nm=tuple(positions[::stride] for positions in self.positions_nm),
            interval_ps=self.interval_ps * stride,
        )

    def halves(self) -> tuple["Side", "Side"]:
        """First and second half of the frames; a trajectory across the middle is cut."""
        middle = self.n_frames // 2
        first, second, start = [], [], 0
        for positions in self.positions_nm:
            cut = min(max(middle - start, 0), len(positions))
            first += [positions[:cut]] if cut else []
            second += [positions[cut:]] if cut < len(positions) else []
            start += len(positions)
        return (
            replace(self, name=f"first half of the {self.name}", positions_nm=tuple(first)),
            replace(self, name=f"second half of the {self.name}", positions_nm=tuple(second)),
        )


def read_side(trajectories: object, name: str) -> list[md.Trajectory]:
    """Check one side as the user gave it: one trajectory or several of the same atoms, all coordinates finite.

    Parameters
    ----------
    trajectories
        What the user gave: one trajectory or a list of them.
    name
        What to call this side in messages.

    Returns
    -------
    list of md.Trajectory
        The trajectories that have frames.

    Raises
    ------
    InputError
        If there is no trajectory, fewer than ten frames, a coordinate that is not a number, or differing atoms; or from
        the gate that every trajectory passes.
    """
    given = list(trajectories) if isinstance(trajectories, list | tuple) else [trajectories]
    listed: list[md.Trajectory] = []
    for trajectory in given:
        if not isinstance(trajectory, md.Trajectory):
            raise InputError(f"{name} must be an mdtraj.Trajectory or a list of them, got {type(trajectory).__name__}")
        listed += [trajectory] if trajectory.n_frames > 0 else []
    n_frames = sum(trajectory.n_frames for trajectory in listed)
    if n_frames < MIN_FRAMES:
        raise InputError(f"{name} has {n_frames} frames; a comparison of distributions needs at least {MIN_FRAMES}")
    for index, trajectory in enumerate(listed):
        bad = ~np.isfinite(trajectory.xyz).all(axis=(1, 2))
        if bad.any():
            raise InputError(
                f"{name} trajectory {index} has coordinates that are not finite in {int(bad.sum())} of {len(bad)} "
                f"frames, first in frame {int(np.argmax(bad))}; cut the trajectory before it"
            )
        if _atom_keys(trajectory.topology) != _atom_keys(listed[0].topology):
            raise InputError(
                f"{name} trajectory {index} ({trajectory.n_atoms} atoms) has other atoms than trajectory 0 "
                f"({listed[0].n_atoms} atoms); the trajectories of one side must be of the same system"
            )
        # Broken bonds are a finding about a side, not a reason to refuse it. What the first lacked, all lack.
        listed[index] = screened(trajectory, f"the {name}", topology=listed[0].topology, check_bonds=False)
    return listed


def _atom_keys(topology: md.Topology) -> list[Key]:
    return [(atom.residue.index, atom.name) for atom in topology.atoms]


def match_atoms(rollout: md.Topology, reference: md.Topology, name: str = "rollout") -> tuple[np.ndarray, np.ndarray]:
    """Match the atoms of both sides by residue and atom name.

    Hydrogens may be missing on either side; every heavy atom of a residue that both hold must be on both. Molecules and
    residues that only the reference holds are left out, as are solvent and ions that only the first side holds.

    Parameters
    ----------
    rollout
        Topology of the first side.
    reference
        Topology of the reference.
    name
        What to call the first side in messages.

    Returns
    -------
    tuple of np.ndarray
        Indices into the rollout's and into the reference's atoms, in the reference's order.

    Raises
    ------
    InputError
        If heavy atoms of one side are missing on the other (they are named), if residues differ, or if names are not
        unique and the atoms cannot be matched by order either.
    """
    residues = shared_residues(rollout, reference, name)
    if residues is None:
        _check_residues(rollout, reference, name)
        own_atoms, their_atoms = list(rollout.atoms), list(reference.atoms)
        keys, their_keys = _atom_keys(rollout), _atom_keys(reference)
    else:
        own_atoms = [atom for atom in rollout.atoms if atom.residue.index in residues]
        kept = set(residues.values())
        their_atoms = [atom for atom in reference.atoms if atom.residue.index in kept]
        keys = [(residues[atom.residue.index], atom.name) for atom in own_atoms]
        their_keys = [(atom.residue.index, atom.name) for atom in their_atoms]
    if len(set(keys)) < len(keys) or len(set(their_keys)) < len(their_keys):
        return _match_by_order(own_atoms, their_atoms, name)
    missing = _missing_heavy(their_atoms, their_keys, set(keys)), _missing_heavy(own_atoms, keys, set(their_keys))
    if missing[0] or missing[1]:
        raise InputError(
            f"atoms of {name} ({rollout.n_atoms}) and reference ({reference.n_atoms}) do not match; only in the "
            f"reference: {_listed(missing[0])}; only in the {name}: {_listed(missing[1])}. Cut both alike"
        )
    own = {key: atom.index for key, atom in zip(keys, own_atoms, strict=True)}
    pairs = [(own[key], atom.index) for key, atom in zip(their_keys, their_atoms, strict=True) if key in own]
    return np.array([pair[0] for pair in pairs], dtype=int), np.array([pair[1] for pair in pairs], dtype=int)


def _check_residues(rollout: md.Topology, reference: md.Topology, name: str) -> None:
    for one, other in zip(rollout.residues, reference.residues, strict=False):
        if one.code is not None and other.code is not None and one.code != other.code:
            raise InputError(
                f"residue {one.index} is {one.name} in the {name} and {other.name} in the reference: not the same "
                "molecule"
            )


def _match_by_order(own: Sequence[Atom], theirs: Sequence[Atom], name: str) -> tuple[np.ndarray, np.ndarray]:
    if [atom.element for atom in own] != [atom.element for atom in theirs]:
        raise InputError(
            f"atom names repeat within a residue, and {name} ({len(own)} atoms) and reference "
            f"({len(theirs)} atoms) differ in number or order of elements: give atoms distinct names"
        )
    return np.array([atom.index for atom in own]), np.array([atom.index for atom in theirs])


def _missing_heavy(atoms: Sequence[Atom], keys: Sequence[Key], others: set[Key]) -> list[str]:
    missing = [a for a, key in zip(atoms, keys, strict=True) if key not in others and a.element != md.element.hydrogen]
    # Solvent may be missing: where other atoms are, too, it is not the cause.
    solute = [atom for atom in missing if not is_solvent_or_ion(atom.residue)]
    return [str(atom) for atom in solute or missing]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
