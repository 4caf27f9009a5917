"""Random molecules, spoilt in random ways: the gate gives back the same bonds and the same whole molecules."""

import mdtraj as md
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lamslide_md.io.imaging import CONTACT_NM
from lamslide_md.io.readers import iterate, read
from lamslide_md.systems.topologies import rebuilt
from tests.data.molecules import (
    graph,
    heavy_peptide,
    in_box,
    in_one_chain,
    moving,
    one_frame,
    same_shape,
    side_by_side,
    without_bonds,
    zigzag,
)

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
sequences = st.text(alphabet=LETTERS, min_size=2, max_size=4)
property_test = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def parts(draw):
    """What one to three molecules are: made of these later, as PeptideBuilder has random numbers of its own."""
    peptides = [(draw(sequences), draw(st.booleans()), draw(st.booleans()))]
    peptides += [(draw(sequences), False, False) for _ in range(draw(st.integers(0, 1)))]
    chains = [draw(st.integers(3, 7)) for _ in range(draw(st.integers(0, 1)))]
    return peptides, chains, draw(st.integers(0, 1000))


def molecules(made_of):
    """One to three molecules in contact, turned at random."""
    peptides, chains, seed = made_of
    own = [heavy_peptide(sequence, capped=capped, mirrored=mirrored) for sequence, capped, mirrored in peptides]
    own += [zigzag(n_carbons) for n_carbons in chains]
    turns = Rotation.random(len(own), random_state=seed)
    turned = [one_frame(part.topology, turn.apply(part.xyz[0])) for part, turn in zip(own, turns, strict=True)]
    return side_by_side(*turned, gap_nm=CONTACT_NM - 0.1)


@st.composite
def cells(draw, frame):
    """A box, skewed or not, wider than twice the molecules."""
    widest = float(np.ptp(frame.xyz[0], axis=0).max())
    lengths = [2.2 * widest + draw(st.floats(0.5, 2.0)) for _ in range(3)]
    skews = [draw(st.floats(-0.3, 0.3)) for _ in range(3)]
    x, y, z = lengths
    return np.array([[x, 0, 0], [skews[0] * x, y, 0], [skews[1] * x, skews[2] * y, z]])


@property_test
@given(st.data())
def test_stripped_bonds_of_molecules_cut_by_any_box_are_found_and_the_molecules_whole_and_together(data):
    frame = molecules(data.draw(parts()))
    frames = moving(frame, n_frames=6)
    cell = data.draw(cells(frame))
    wrapped = in_box(frames, cell, how=data.draw(st.sampled_from(["atoms", "molecules"])), drift_nm=0.3)
    bonds = range(frame.topology.n_bonds)
    stripped = data.draw(st.one_of(st.just(list(bonds)), st.lists(st.sampled_from(list(bonds)), unique=True)))
    wrapped.topology = without_bonds(frame.topology, stripped)
    whole = read(wrapped)
    assert graph(whole.topology) == graph(frame.topology)
    same_shape(whole, frames.xyz)
    chunks = [chunk.xyz for chunk in iterate(wrapped, chunk=3)]
    np.testing.assert_array_equal(np.concatenate(chunks), whole.xyz)


@property_test
@given(st.data())
def test_residues_of_unknown_names_in_one_chain_have_their_bonds(data):
    frame = molecules(data.draw(parts()))
    frames = moving(frame, n_frames=6)
    residues = sorted({residue.name for residue in frame.topology.residues})
    renamed = data.draw(st.lists(st.sampled_from(residues), min_size=1, unique=True))
    topology = in_one_chain(frame.topology, dict.fromkeys(renamed, "UNK"))
    unknown = [n for n, bond in enumerate(topology.bonds) if "UNK" in {atom.residue.name for atom in bond}]
    frames.topology = without_bonds(topology, unknown)
    assert graph(read(frames).topology) == graph(frame.topology)


@property_test
@given(st.data())
def test_elements_read_from_names_that_are_not_indented_are_mended(data):
    frame = heavy_peptide(data.draw(sequences), capped=data.draw(st.booleans()))
    frames = moving(frame, n_frames=6)
    expected = [atom.element.symbol for atom in frame.topology.atoms]
    wrong = {"CA": "Ca", "CD": "Cd", "CE": "Ce", "CD1": "Cd", "NE": "Ne", "ND1": "Nd", "CD2": "Cd", "NE2": "Ne"}
    misread = {
        atom.index: md.element.get_by_symbol(wrong[atom.name])
        for atom in frame.topology.atoms
        if atom.name in wrong and data.draw(st.booleans())
    }
    frames.topology = rebuilt(frame.topology, elements=misread)
    whole = read(frames)
    assert [atom.element.symbol for atom in whole.topology.atoms] == expected
    assert graph(whole.topology) == graph(frame.topology)


@property_test
@given(st.data())
def test_the_order_of_the_atoms_does_not_matter_to_the_bonds(data):
    frame = molecules(data.draw(parts()))
    order = np.array(data.draw(st.permutations(range(frame.n_atoms))))
    place = np.argsort(order)
    elements = [frame.topology.atom(int(i)).element for i in order]
    shuffled = one_frame(zigzag(frame.n_atoms).topology, frame.xyz[0][order])
    shuffled.topology = without_bonds(shuffled.topology)
    for atom, element in zip(shuffled.topology.atoms, elements, strict=True):
        atom.element = element
    expected = {tuple(sorted((int(place[i]), int(place[j])))) for i, j in graph(frame.topology)}
    assert graph(read(moving(shuffled, n_frames=6)).topology) == expected


@property_test
@given(st.data())
def test_coordinates_rounded_as_an_xtc_rounds_them_are_as_whole(data):
    frame = molecules(data.draw(parts()))
    frames = moving(frame, n_frames=6)
    frames.xyz = np.round(frames.xyz, 3)
    wrapped = in_box(frames, data.draw(cells(frame)), how="atoms")
    wrapped.xyz = np.round(wrapped.xyz, 3)
    same_shape(read(wrapped), frames.xyz, atol=4e-3)
