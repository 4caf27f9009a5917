"""An mdtraj topology as JSON-able content, without loss of residue numbers or bonds."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import mdtraj as md

Label = tuple[int, str, str]
"""Residue index, residue name, atom name."""


def labels_of(topology: md.Topology) -> list[Label]:
    """Tell the atoms of a topology apart in the way two files of one molecule have in common."""
    # By index: iterated over, atoms come by residue, also where those of residues are mixed.
    atoms = (topology.atom(i) for i in range(topology.n_atoms))
    return [(atom.residue.index, atom.residue.name, atom.name) for atom in atoms]


def named(label: Label) -> str:
    """Name an atom as in ``ALA1-CA``."""
    index, residue, atom = label
    return f"{residue}{index + 1}-{atom}"


def listed(names: Sequence[str], n: int = 5) -> str:
    """List the first few of names."""
    return ", ".join(names[:n]) + (", ..." if names[n:] else "")


def labels_digest(labels: list[Label]) -> str:
    """Hash labels to 12 hexadecimal digits, by which atoms are known where a format drops their names."""
    return hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:12]


def topology_to_dict(topology: md.Topology) -> dict[str, Any]:
    """Take a topology apart into chains, residues, atoms and bonds."""
    return {
        "chains": [
            [
                {
                    "name": residue.name,
                    "number": residue.resSeq,
                    "segment": residue.segment_id,
                    "atoms": [[atom.name, atom.element.symbol] for atom in residue.atoms],
                }
                for residue in chain.residues
            ]
            for chain in topology.chains
        ],
        "bonds": [[a.index, b.index] for a, b in topology.bonds],
    }


def topology_from_dict(content: dict[str, Any]) -> md.Topology:
    """Inverse of `topology_to_dict`."""
    topology = md.Topology()
    for chain_content in content["chains"]:
        chain = topology.add_chain()
        for residue_content in chain_content:
            residue = topology.add_residue(
                residue_content["name"], chain, residue_content["number"], residue_content["segment"]
            )
            for name, symbol in residue_content["atoms"]:
                topology.add_atom(name, md.element.get_by_symbol(symbol), residue)
    for i, j in content["bonds"]:
        topology.add_bond(topology.atom(i), topology.atom(j))
    return topology
