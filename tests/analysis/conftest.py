"""Synthetic molecules with known torsions and synthetic dynamics with known answers."""

from collections.abc import Callable

import mdtraj as md
import numpy as np
import pytest

Build = Callable[..., md.Trajectory]


def place(a: np.ndarray, b: np.ndarray, c: np.ndarray, length: float, angle: float, torsion: np.ndarray) -> np.ndarray:
    """Place an atom by its bond length (nm) to c, angle (degrees) b-c-new and torsion (rad) a-b-c-new, by frame."""
    axis = (c - b) / np.linalg.norm(c - b, axis=1, keepdims=True)
    normal = np.cross(b - a, axis)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    third = np.cross(normal, axis)
    bend = np.pi - np.deg2rad(angle)
    torsion = np.asarray(torsion)[..., None]
    offset = np.cos(bend) * axis + np.sin(bend) * (np.cos(torsion) * third + np.sin(torsion) * normal)
    return c + length * offset


def alanine_topology(hydrogens: bool) -> md.Topology:
    topology = md.Topology()
    chain = topology.add_chain()
    names = {
        "ACE": ["CH3", "C", "O"],
        "ALA": ["N", "CA", "C", "O", "CB", *(["H", "HA"] if hydrogens else [])],
        "NME": ["N", "C"],
    }
    for residue_name, atoms in names.items():
        residue = topology.add_residue(residue_name, chain)
        for name in atoms:
            topology.add_atom(name, md.element.get_by_symbol(name[0]), residue)
    atom = {(a.residue.name, a.name): a for a in topology.atoms}
    bonds = [
        (("ACE", "CH3"), ("ACE", "C")),
        (("ACE", "C"), ("ACE", "O")),
        (("ACE", "C"), ("ALA", "N")),
        (("ALA", "N"), ("ALA", "CA")),
        (("ALA", "CA"), ("ALA", "C")),
        (("ALA", "C"), ("ALA", "O")),
        (("ALA", "CA"), ("ALA", "CB")),
        (("ALA", "C"), ("NME", "N")),
        (("NME", "N"), ("NME", "C")),
    ]
    if hydrogens:
        bonds += [(("ALA", "N"), ("ALA", "H")), (("ALA", "CA"), ("ALA", "HA"))]
    for first, second in bonds:
        topology.add_bond(atom[first], atom[second])
    return topology


def build_alanine(
    phi: np.ndarray, psi: np.ndarray, *, hydrogens: bool = False, noise_nm: float = 0.002, seed: int = 0
) -> md.Trajectory:
    """Alanine dipeptide (L) with given torsions (rad), ideal geometry and a little noise."""
    n = len(phi)
    flat = np.full(n, np.pi)
    methyl = np.tile([0.0, 0.0, 0.0], (n, 1))
    carbonyl = np.tile([0.152, 0.0, 0.0], (n, 1))
    guide = np.tile([0.0, 0.1, 0.0], (n, 1))
    nitrogen = place(guide, methyl, carbonyl, 0.133, 116.0, flat)
    oxygen = place(guide, methyl, carbonyl, 0.123, 120.0, flat * 0)
    alpha = place(methyl, carbonyl, nitrogen, 0.146, 122.0, flat)
    carbon = place(carbonyl, nitrogen, alpha, 0.152, 111.0, phi)
    beta = place(carbonyl, nitrogen, alpha, 0.153, 110.0, phi - np.deg2rad(122.0))
    next_nitrogen = place(nitrogen, alpha, carbon, 0.133, 116.0, psi)
    next_oxygen = place(nitrogen, alpha, carbon, 0.123, 120.0, psi + np.pi)
    end = place(alpha, carbon, next_nitrogen, 0.146, 122.0, flat)
    atoms = [methyl, carbonyl, oxygen, nitrogen, alpha, carbon, next_oxygen, beta]
    if hydrogens:
        atoms.append(place(methyl, carbonyl, nitrogen, 0.101, 119.0, flat * 0))
        atoms.append(place(carbonyl, nitrogen, alpha, 0.109, 109.0, phi + np.deg2rad(119.0)))
    atoms += [next_nitrogen, end]
    positions = np.stack(atoms, axis=1)
    positions += np.random.default_rng(seed).normal(scale=noise_nm, size=positions.shape)
    return md.Trajectory(positions.astype(np.float32), alanine_topology(hydrogens))


def two_state_path(n_frames: int, leave: tuple[float, float], seed: int) -> np.ndarray:
    """A two-state Markov chain; leave[i] is the probability to leave state i per frame."""
    rng = np.random.default_rng(seed)
    uniform = rng.random(n_frames)
    path = np.empty(n_frames, dtype=int)
    path[0] = 0
    for frame in range(1, n_frames):
        state = path[frame - 1]
        path[frame] = 1 - state if uniform[frame] < leave[state] else state
    return path


BASINS_PSI = np.deg2rad([-40.0, 150.0])


def build_two_state_alanine(
    n_frames: int, *, leave: tuple[float, float] = (0.02, 0.01), seed: int = 0, hydrogens: bool = False
) -> md.Trajectory:
    """Alanine dipeptide whose psi jumps between two basins as a Markov chain; everything else is white noise."""
    rng = np.random.default_rng(seed + 1000)
    psi = BASINS_PSI[two_state_path(n_frames, leave, seed)] + rng.normal(scale=0.25, size=n_frames)
    phi = np.deg2rad(-75.0) + rng.normal(scale=0.25, size=n_frames)
    return build_alanine(phi, psi, hydrogens=hydrogens, seed=seed)


def build_butanol(n_frames: int, seed: int) -> md.Trajectory:
    """A chain C-C-C-C-O, without bonds in its topology, whose first torsion jumps and whose second is noise."""
    rng = np.random.default_rng(seed)
    topology = md.Topology()
    residue = topology.add_residue("MOL", topology.add_chain())
    for index, symbol in enumerate("CCCCO"):
        topology.add_atom(f"{symbol}{index}", md.element.get_by_symbol(symbol), residue)
    jumping = np.deg2rad([65.0, 180.0])[two_state_path(n_frames, (0.03, 0.02), seed)] + rng.normal(
        scale=0.2, size=n_frames
    )
    first = np.tile([0.0, 0.0, 0.0], (n_frames, 1))
    second = np.tile([0.153, 0.0, 0.0], (n_frames, 1))
    third = place(np.tile([0.0, 0.1, 0.0], (n_frames, 1)), first, second, 0.153, 112.0, np.full(n_frames, np.pi))
    fourth = place(first, second, third, 0.153, 112.0, jumping)
    oxygen = place(second, third, fourth, 0.143, 109.0, np.pi + rng.normal(scale=0.2, size=n_frames))
    positions = np.stack([first, second, third, fourth, oxygen], axis=1)
    return md.Trajectory((positions + rng.normal(scale=0.002, size=positions.shape)).astype(np.float32), topology)


@pytest.fixture(scope="session")
def butanol() -> Build:
    return build_butanol


@pytest.fixture(scope="session")
def alanine() -> Build:
    return build_alanine


@pytest.fixture(scope="session")
def two_state_alanine() -> Build:
    return build_two_state_alanine


@pytest.fixture(scope="session")
def two_state_chain() -> Callable[..., np.ndarray]:
    return two_state_path


@pytest.fixture(scope="session")
def reference_md() -> md.Trajectory:
    return build_two_state_alanine(8000, seed=1)


@pytest.fixture(scope="session")
def replicate_md() -> md.Trajectory:
    return build_two_state_alanine(8000, seed=2)
