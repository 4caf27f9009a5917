"""The two sides of a comparison brought to the same atoms: reading, checking and matching what the user gave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.evaluation.bonds import bond_pairs
from lamslide_md.evaluation.features import heavy_atoms

MIN_FRAMES = 10
SCREENED_FRAMES = 200


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
        If there is no trajectory, fewer than ten frames, a coordinate that is not a number, or differing atoms.
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
    return listed


def _atom_keys(topology: md.Topology) -> list[tuple[int, str]]:
    return [(atom.residue.index, atom.name) for atom in topology.atoms]


def match_atoms(rollout: md.Topology, reference: md.Topology, name: str = "rollout") -> tuple[np.ndarray, np.ndarray]:
    """Match the atoms of both sides by residue index and atom name.

    Hydrogens may be missing on either side; every heavy atom must be on both.

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
    keys, reference_keys = _atom_keys(rollout), _atom_keys(reference)
    if len(set(keys)) < len(keys) or len(set(reference_keys)) < len(reference_keys):
        return _match_by_order(rollout, reference, name)
    for one, other in zip(rollout.residues, reference.residues, strict=False):
        if one.code is not None and other.code is not None and one.code != other.code:
            raise InputError(
                f"residue {one.index} is {one.name} in the {name} and {other.name} in the reference: not the same "
                "molecule"
            )
    missing = _missing_heavy(reference, set(keys)), _missing_heavy(rollout, set(reference_keys))
    if missing[0] or missing[1]:
        raise InputError(
            f"atoms of {name} ({rollout.n_atoms}) and reference ({reference.n_atoms}) do not match; only in the "
            f"reference: {_listed(missing[0])}; only in the {name}: {_listed(missing[1])}. Cut both alike"
        )
    own = {key: index for index, key in enumerate(keys)}
    shared = [key for key in reference_keys if key in own]
    there = {key: index for index, key in enumerate(reference_keys)}
    return np.array([own[key] for key in shared]), np.array([there[key] for key in shared])


def _match_by_order(rollout: md.Topology, reference: md.Topology, name: str) -> tuple[np.ndarray, np.ndarray]:
    elements = [[atom.element.symbol for atom in topology.atoms] for topology in (rollout, reference)]
    if elements[0] != elements[1]:
        raise InputError(
            f"atom names repeat within a residue, and {name} ({rollout.n_atoms} atoms) and reference "
            f"({reference.n_atoms} atoms) differ in number or order of elements: give atoms distinct names"
        )
    return np.arange(rollout.n_atoms), np.arange(reference.n_atoms)


def _missing_heavy(topology: md.Topology, others: set[tuple[int, str]]) -> list[str]:
    heavy = heavy_atoms(topology)
    return [str(a) for a in topology.atoms if heavy[a.index] and (a.residue.index, a.name) not in others]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


def screen_bonds(topology: md.Topology, reference: Side, others: Sequence[Side]) -> None:
    """Refuse wrong units, permuted topologies and molecules broken across a periodic box.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    reference
        Its bond lengths must be those of a molecule.
    others
        Sides whose median bond length must be within a factor 3 of the reference's.

    Raises
    ------
    InputError
        With the bond lengths found.
    """
    sample = _spread(reference)
    bonds = bond_pairs(topology, sample)
    if len(bonds) == 0:
        raise InputError(f"no bond among the {topology.n_atoms} compared atoms; is the reference in nm?")
    lengths_nm = _lengths(sample, bonds)
    median_nm, longest_nm = float(np.median(lengths_nm)), float(lengths_nm.max())
    if not 0.08 <= median_nm <= 0.20 or longest_nm > 0.30:
        raise InputError(
            f"bonds of the reference have a median length of {median_nm:.3f} nm and reach {longest_nm:.3f} nm: "
            "positions in another unit, a topology with permuted atoms, or a molecule broken across the box?"
        )
    for side in others:
        median = float(np.median(_lengths(_spread(side), bonds)))
        if not 1 / 3 < median / median_nm < 3:
            raise InputError(
                f"bonds of the {side.name} have a median length of {median:.3f} nm, of the reference "
                f"{median_nm:.3f} nm: are its positions in Å, or its atoms permuted?"
            )


def _spread(side: Side) -> np.ndarray:
    return np.concatenate(side.thinned(SCREENED_FRAMES).positions_nm)


def _lengths(positions_nm: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions_nm[:, bonds[:, 0]] - positions_nm[:, bonds[:, 1]], axis=-1)
