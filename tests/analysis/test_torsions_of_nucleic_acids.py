"""Torsions of strands, named by their atoms."""

import mdtraj as md
import numpy as np

from lamslide_md.analysis.features import find_torsions

SUGAR = "P OP1 OP2 O5' C5' C4' O4' C1' C2' O2' C3' O3'"
SUGAR_BONDS = "P-OP1 P-OP2 P-O5' O5'-C5' C5'-C4' C4'-O4' O4'-C1' C1'-C2' C2'-O2' C2'-C3' C3'-C4' C3'-O3'"
BASES = {
    "U": ("N1 C2 O2 N3 C4 O4 C5 C6", "C1'-N1 N1-C2 C2-O2 C2-N3 N3-C4 C4-O4 C4-C5 C5-C6 C6-N1"),
    "A": (
        "N9 C8 N7 C5 C6 N6 N1 C2 N3 C4",
        "C1'-N9 N9-C8 C8-N7 N7-C5 C5-C6 C6-N6 C6-N1 N1-C2 C2-N3 N3-C4 C4-C5 C4-N9",
    ),
}


def rna(sequence: str) -> md.Topology:
    """A strand without a phosphate at its 5' end, one residue per letter."""
    topology = md.Topology()
    chain, before = topology.add_chain(), None
    for number, letter in enumerate(sequence, 1):
        base, base_bonds = BASES[letter]
        residue = topology.add_residue(letter, chain, resSeq=number)
        names = [*SUGAR.split()[0 if before else 3 :], *base.split()]
        atom = {n: topology.add_atom(n, md.element.get_by_symbol(n[0]), residue) for n in names}
        for bond in f"{SUGAR_BONDS} {base_bonds}".split():
            one, other = bond.split("-")
            if one in atom and other in atom:
                topology.add_bond(atom[one], atom[other])
        if before is not None:
            topology.add_bond(before, atom["P"])
        before = atom["O3'"]
    return topology


def test_a_strand_of_three_nucleotides_has_fourteen_torsions_with_their_names():
    topology = rna("UAA")
    # Anywhere: no two atoms near each other, no three in a line.
    positions = np.random.default_rng(3).normal(size=(1, topology.n_atoms, 3))
    torsions = find_torsions(topology, positions)
    backbone = {"alpha": "A2 A3", "beta": "A2 A3", "gamma": "U1 A2 A3", "epsilon": "U1 A2", "zeta": "U1 A2"}
    expected = [f"{name} {residue}" for name, residues in backbone.items() for residue in residues.split()]
    assert [t.name for t in torsions if t.kind == "backbone"] == expected
    assert [t.name for t in torsions if t.kind == "side chain"] == ["chi U1", "chi A2", "chi A3"]
    assert len(torsions) == 14
    over = {t.name: "-".join(topology.atom(atom).name for atom in t.atoms) for t in torsions}
    assert over["alpha A2"] == "O3'-P-O5'-C5'"
    assert over["gamma A3"] == "O5'-C5'-C4'-C3'"
    assert (over["chi U1"], over["chi A2"]) == ("O4'-C1'-N1-C2", "O4'-C1'-N9-C4")
