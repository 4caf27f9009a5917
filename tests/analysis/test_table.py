import json

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.table import tabulate
from lamslide_md.errors import InputError

SETTINGS = {
    "rollout_interval_ps": 1.0,
    "reference_interval_ps": 1.0,
    "lag_ps": 5.0,
    "n_clusters": 20,
    "n_states": 2,
    "n_bootstrap": 10,
}


@pytest.fixture(scope="module")
def comparisons(reference_md, replicate_md, alanine):
    rng = np.random.default_rng(0)
    stuck = alanine(-1.3 + 0.25 * rng.normal(size=1000), 2.6 + 0.25 * rng.normal(size=1000))
    return {
        "good": lam.compare(replicate_md, reference_md, **SETTINGS),
        "stuck": lam.compare(stuck, reference_md, **SETTINGS),
    }


def test_the_mean_is_over_the_systems_that_have_the_measure_and_names_the_others(comparisons):
    table = tabulate(comparisons)
    column = table.column("js_distance_torsions_backbone")
    values = [c.measure("js_distance_torsions_backbone").rollout for c in comparisons.values()]
    assert column.rollout_mean == pytest.approx(np.mean(values), rel=1e-6)
    assert column.rollout_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(2), rel=1e-6)
    timescales = table.column("timescale_log_ratio")
    assert timescales.n_defined == 1
    assert timescales.failed == ("stuck",)
    assert timescales.rollout_mean == pytest.approx(
        comparisons["good"].measure("timescale_log_ratio").rollout, rel=1e-6
    )


def test_comparisons_dicts_and_files_give_the_same_table(comparisons, tmp_path):
    comparisons["stuck"].save_json(tmp_path / "stuck.json")
    mixed = {"good": comparisons["good"].to_dict(), "stuck": tmp_path / "stuck.json"}
    assert tabulate(mixed) == tabulate(comparisons)


def test_the_table_is_json_text_and_html(comparisons, tmp_path):
    table = tabulate(comparisons)
    table.save_json(tmp_path / "table.json")
    assert json.loads((tmp_path / "table.json").read_text()) == table.to_dict()
    assert "implied timescales: 1 of 2 not estimated: stuck" in table.summary()
    assert "side chain" not in table.summary()
    table.save_report(tmp_path / "table.html")
    html = (tmp_path / "table.html").read_text(encoding="utf-8")
    assert "1 of 2 not estimated: stuck" in html
    assert "http" not in html


def test_what_is_no_comparison_is_refused(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="AGVD: comparison has format version None"):
        tabulate({"AGVD": tmp_path / "other.json"})
    with pytest.raises(InputError, match="is no readable comparison"):
        tabulate({"AGVD": tmp_path / "absent.json"})
    with pytest.raises(InputError, match="at least one"):
        tabulate({})


def test_mixed_units_are_refused(comparisons):
    other = json.loads(json.dumps(comparisons["good"].to_dict()))
    for measure in other["measures"]:
        if measure["kind"]["key"] == "free_energy_error":
            measure["kind"]["unit"] = "kcal/mol"
    with pytest.raises(InputError, match=r"free_energy_error is in kT and kcal/mol|kcal/mol and kT"):
        tabulate({"a": comparisons["good"], "b": other})
