import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.structure import check_structure, learn_structure, mirror_note
from lamslide_md.simulate.peptides import peptide

MIRROR = np.array([1, 1, -1], dtype=np.float32)


def star(elements: str, arms: np.ndarray, n_frames: int = 20) -> md.Trajectory:
    """A carbon with neighbours in the directions given, each moving a little."""
    topology = md.Topology()
    residue = topology.add_residue("MOL", topology.add_chain())
    atoms = [topology.add_atom(f"{e}{i}", md.element.get_by_symbol(e), residue) for i, e in enumerate("C" + elements)]
    for atom in atoms[1:]:
        topology.add_bond(atoms[0], atom)
    arms = 0.15 * arms / np.linalg.norm(arms, axis=1, keepdims=True)
    positions = np.tile(np.vstack([np.zeros(3), arms]), (n_frames, 1, 1))
    noise = np.random.default_rng(0).normal(scale=0.003, size=positions.shape)
    return md.Trajectory((positions + noise).astype(np.float32), topology)


TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
FLAT = np.array([[1, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]], dtype=float)


@pytest.mark.parametrize(
    ("elements", "arms", "n_centres"),
    [
        ("FSO", TETRAHEDRON[:3], 1),  # the fourth is a hydrogen that is left out
        ("FSOH", TETRAHEDRON, 1),
        ("FSHH", TETRAHEDRON, 0),
        ("FFO", TETRAHEDRON[:3], 0),
        ("FSO", FLAT, 0),
    ],
)
def test_a_centre_has_different_neighbours_and_is_not_flat(elements, arms, n_centres):
    molecule = star(elements, arms)
    rules = learn_structure(molecule.topology, [molecule.xyz])
    assert len(rules.centres) == n_centres
    mirrored = check_structure(rules, [molecule.xyz * MIRROR])
    assert mirrored.flipped.all() == (n_centres == 1)
    assert not check_structure(rules, [molecule.xyz]).flipped.any()


def test_a_d_amino_acid_with_names_that_mean_nothing_is_held_to_its_hand(alanine):
    mirror_image = alanine(np.full(30, 1.0), np.full(30, -2.0))
    mirror_image.xyz *= MIRROR
    for atom in mirror_image.topology.atoms:
        atom.name = f"X{atom.index}"
    rules = learn_structure(mirror_image.topology, [mirror_image.xyz])
    assert rules.centres.shape == (1, 4)
    flipped = mirror_image.xyz.copy()
    flipped[4] *= MIRROR
    assert np.flatnonzero(check_structure(rules, [flipped]).flipped).tolist() == [4]


def test_beta_carbons_of_threonine_and_isoleucine_are_centres_and_those_of_valine_and_leucine_are_not():
    molecule = peptide("TIVL")
    topology = md.Topology.from_openmm(molecule.topology)
    heavy = topology.select("not element H")
    positions = np.repeat(molecule.positions_nm[None].astype(np.float32), 3, axis=0)
    for atoms in (heavy, np.arange(topology.n_atoms)):
        rules = learn_structure(topology.subset(atoms), [positions[:, atoms]])
        names = [str(topology.subset(atoms).atom(int(centre))) for centre in rules.centres[:, 0]]
        assert names == ["THR1-CA", "ILE2-CA", "VAL3-CA", "LEU4-CA", "THR1-CB", "ILE2-CB"]


def test_a_centre_that_turns_over_in_the_reference_is_none():
    molecule = star("FSO", TETRAHEDRON[:3])
    molecule.xyz[3] *= -1
    assert len(learn_structure(molecule.topology, [molecule.xyz]).centres) == 0


def compared(rollout, reference):
    return lam.compare(
        rollout,
        reference,
        rollout_interval_ps=1.0,
        reference_interval_ps=1.0,
        lag_ps=5.0,
        n_clusters=20,
        n_states=2,
        n_bootstrap=5,
    )


def test_a_mirrored_rollout_is_called_the_mirror_image(reference_md, replicate_md):
    mirrored = replicate_md[:2000]
    mirrored.xyz = mirrored.xyz * MIRROR
    comparison = compared(mirrored, reference_md[:4000])
    assert comparison.notes[0] == (
        "the rollout is the mirror image of the reference: 1 of 1 chiral centres are inverted in 100 % of its frames"
    )
    assert "note: the rollout is the mirror image" in comparison.summary()
    assert not any("mirror" in note for note in compared(replicate_md[:2000], reference_md[:4000]).notes)


def test_a_chain_of_mirror_images_among_others_is_told_with_its_part(reference_md, replicate_md):
    mirrored = replicate_md[:500]
    mirrored.xyz = mirrored.xyz * MIRROR
    notes = compared([replicate_md[500:2000], mirrored], reference_md[:4000]).notes
    (told,) = (note for note in notes if "mirror" in note)
    assert told.startswith(
        "the rollout holds mirror images of the reference: 1 of 1 chiral centres are inverted in 25 %"
    )


def test_another_stereoisomer_is_no_mirror_image():
    molecule = peptide("TA")
    topology = md.Topology.from_openmm(molecule.topology)
    atoms = topology.select("not element H")
    topology, frame = topology.subset(atoms), molecule.positions_nm[atoms].astype(np.float32)
    reference = np.repeat(frame[None], 5, axis=0)
    rules = learn_structure(topology, [reference])
    assert len(rules.centres) == 3
    # Both centres of threonine, mirrored with all of its atoms; alanine is left as it is.
    other = reference.copy()
    threonine = topology.select("resid 0")
    other[:, threonine] = reference[:, threonine] * MIRROR
    other[:, threonine, 2] += 2 * frame[topology.select("resid 0 and name C")[0], 2]
    note = mirror_note(rules, check_structure(rules, [other]), "rollout")
    assert note is not None
    assert note.startswith("the rollout is another stereoisomer than the reference: 2 of 3 chiral centres are inverted")
