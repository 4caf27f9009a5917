import json
import re

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.measures.measure import KINDS
from lamslide_md.analysis.measures.protein_kinds import PROTEIN_KINDS
from lamslide_md.analysis.table import tabulate
from lamslide_md.errors import InputError
from tests.analysis.chains import build_chain, shaken

SETTINGS = {"lag_ps": 3.0, "n_clusters": 8, "n_states": 3, "n_bootstrap": 8}


def compare(n_residues, **changes):
    chain = build_chain(n_residues)
    return lam.compare(shaken(chain, 200, 1), shaken(chain, 300, 2), **(SETTINGS | changes))


@pytest.fixture(scope="module")
def of_protein():
    return compare(22)


@pytest.fixture(scope="module")
def of_peptide():
    return compare(10)


def test_a_peptide_of_ten_residues_has_the_table_of_a_peptide(of_peptide):
    assert [measure.kind.key for measure in of_peptide.measures] == list(KINDS)
    assert of_peptide.protein is None
    assert "protein" not in of_peptide.to_dict()
    assert of_peptide.settings["tica_features"] == "torsions"
    assert of_peptide.playback.cartoon is None


def test_every_measure_of_a_protein_stands_beside_its_floor(of_protein):
    assert [measure.kind.key for measure in of_protein.measures] == [*KINDS, *PROTEIN_KINDS]
    for key in PROTEIN_KINDS:
        measure = of_protein.measure(key)
        assert measure.rollout is not None, key
        assert measure.floor is not None, key
        assert measure.rollout_error is not None or key == "rmsd_drift", key
    # Two samples of the same tremble: as good as its halves, but for the noise of ten independent frames in each.
    for key in ("rmsf_error", "js_distance_alpha_pairs"):
        assert of_protein.measure(key).ratio < 2
    assert of_protein.measure("helix_error").reference > 0.7


def test_more_than_twenty_residues_are_described_by_distances_and_a_note_says_so(of_protein):
    assert of_protein.settings["tica_features"] == "distances"
    assert any("distances between C-alphas" in note for note in of_protein.notes)


def test_torsions_are_taken_where_they_are_asked_for():
    comparison = compare(22, tica_features="torsions")
    assert comparison.settings["tica_features"] == "torsions"
    assert not any("C-alphas" in note for note in comparison.notes)


def test_distances_of_a_molecule_without_c_alphas_are_refused(reference_md):
    with pytest.raises(InputError, match="tica_features=distances needs two pairs of C-alphas"):
        lam.compare(
            reference_md[:200],
            reference_md[:300],
            rollout_interval_ps=1.0,
            reference_interval_ps=1.0,
            tica_features="distances",
            **SETTINGS,
        )


def test_the_report_shows_the_chain_and_a_ribbon(of_protein, tmp_path):
    of_protein.save_report(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Along the chain" in html
    assert "contact maps of MD and rollout" in html
    assert f"The 24 of {len(of_protein.torsions)} that differ most" in html
    data = json.loads(re.search(r'id="playback-data">(.*?)</script>', html, re.DOTALL).group(1))
    ribbons = data["cartoon"]["secondary"]["rollout"]
    assert len(ribbons) == len(data["frames"]["rollout"])
    assert ribbons[0][5:15] == "h" * 10


def test_files_hold_what_is_shown_along_the_chain(of_protein, tmp_path):
    of_protein.save_json(tmp_path / "comparison.json")
    protein = json.loads((tmp_path / "comparison.json").read_text())["protein"]
    assert protein["residues"][0] == "ALA1"
    assert len(protein["rmsf_nm"]["floor"]) == 22
    # A helix holds each residue to the fourth after it.
    held = dict(zip(map(tuple, protein["contacts"]), protein["occupancies"]["rollout"], strict=True))
    assert held[8, 12] == pytest.approx(1.0)


def test_a_table_of_a_peptide_and_a_protein_has_the_measures_of_both(of_peptide, of_protein):
    table = tabulate({"peptide": of_peptide, "protein": of_protein})
    assert list(table.column("rmsf_error").entries) == ["protein"]
    assert list(table.column("bond_error").entries) == ["peptide", "protein"]


def test_same_seed_same_numbers_of_a_protein(of_protein):
    again = compare(22)
    for key in PROTEIN_KINDS:
        assert np.isclose(again.measure(key).rollout, of_protein.measure(key).rollout, rtol=1e-9), key
