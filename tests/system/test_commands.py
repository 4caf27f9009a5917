"""The commands one after another, as a newcomer runs them."""

import json
import subprocess
import sys

import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.cli.app import run
from tests.conftest import SMALL


@pytest.fixture(scope="module")
def rollout(model, tmp_path_factory):
    """Three chains of 40 frames, 5 ps apart, heavy atoms."""
    path = tmp_path_factory.mktemp("rollout") / "rollout.xtc"
    assert run(["rollout", str(model), "--frames", "40", "--chains", "3", "--seed", "1", "--out", str(path)]) == 0
    return path


def told(capsys, arguments, code=0):
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def error_line(capsys, arguments):
    captured = told(capsys, arguments, code=2)
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_simulating_again_keeps_what_is_there_and_tells_the_speed(dipeptide, capsys):
    before = (dipeptide / "rep1.xtc").read_bytes()
    arguments = ["simulate", "--config", dipeptide / "simulate.json", "--json"]
    answer = json.loads(told(capsys, arguments).out)
    assert answer["md_ns_per_s"] > 0
    assert (dipeptide / "rep1.xtc").read_bytes() == before


def test_a_structure_file_is_simulated_with_what_was_changed_in_it_told(dipeptide, tmp_path, capsys):
    arguments = ["simulate", dipeptide / "system.pdb", "--ns", 0.002, "--equilibration-ps", 1, "--replicates", 1]
    answer = json.loads(told(capsys, [*arguments, "--platform", "Reference", "--out", tmp_path, "--json"]).out)
    assert md.load(answer["trajectories"][0], top=answer["topology"]).n_frames == 2
    assert any("hydrogens" in note for note in answer["notes"])


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(dipeptide, capsys):
    line = error_line(capsys, ["simulate", "--config", dipeptide / "simulate.json", "--temperature-K", 300])
    assert "temperature_K 350.0 there, 300.0 now" in line


def test_a_model_knows_the_temperature_of_its_data(model, capsys):
    content = json.loads(told(capsys, ["info", model, "--json"]).out)
    assert content["temperature_K"] == 350.0
    assert content["frame_interval_ps"] == 5.0
    assert content["systems"] == ["10 points ALA1-GLY2"]
    assert content["settings"]["flow"]["optimisation"]["n_steps"] == 40


def test_training_on_a_peptide_tells_of_the_preset_for_peptides(dipeptide, tmp_path, capsys):
    few = ["--interval-ps", "5", *SMALL, "--out", str(tmp_path / "AG.lamslide")]
    assert run(["train", str(dipeptide / "rep1.xtc"), *few]) == 0
    assert "--preset peptide learns more" in capsys.readouterr().err
    assert run(["train", str(dipeptide / "rep1.xtc"), "--preset", "peptide", *few]) == 0
    assert "--preset peptide learns more" not in capsys.readouterr().err
    assert run(["rollout", str(tmp_path / "AG.lamslide"), "--frames", "16", "--out", str(tmp_path / "AG.xtc")]) == 0


def test_a_command_can_be_repeated_from_its_echo(model, tmp_path):
    out = tmp_path / "again.lamslide"
    echo = model.with_name("AG.train.json")
    assert run(["train", "--config", str(echo), "--out", str(out)]) == 0
    first, again = lam.Surrogate.load(model), lam.Surrogate.load(out)
    frames = [surrogate.rollout(n_frames=8, seed=3).points_nm() for surrogate in (first, again)]
    np.testing.assert_array_equal(frames[0], frames[1])


def test_training_leaves_no_checkpoints_behind_unless_asked(model):
    assert sorted(path.name for path in model.parent.iterdir()) == ["AG.lamslide", "AG.train.json"]


def test_a_rollout_has_all_its_frames_and_knows_its_speed(rollout, capsys):
    chains = lam.read(rollout, rollout.with_suffix(".pdb"), check_bonds=False)
    assert [chain.n_frames for chain in chains] == [40, 40, 40]
    content = json.loads(told(capsys, ["info", rollout, "--json"]).out)
    assert content["n_chains"] == 3
    assert content["wall_time_s"] > 0


def test_a_rollout_starts_from_any_frame_of_all_atoms(model, dipeptide, tmp_path):
    start = md.load(dipeptide / "rep2.xtc", top=dipeptide / "system.pdb")[7]
    start.save(str(tmp_path / "start.pdb"))
    out = tmp_path / "rollout.dcd"
    assert run(["rollout", str(model), "--frames", "9", "--start", str(tmp_path / "start.pdb"), "--out", str(out)]) == 0
    assert md.load(out, top=out.with_suffix(".pdb")).n_frames == 9


def test_a_heavy_atom_rollout_is_compared_with_the_all_atom_topology_given(rollout, dipeptide, capsys, tmp_path):
    report, out = tmp_path / "report.html", tmp_path / "comparison.json"
    arguments = ["compare", rollout, "--reference", dipeptide / "rep1.xtc", "--top", dipeptide / "system.pdb"]
    arguments += ["--lag-ps", 10, "--report", report, "--out", out, "--json"]
    answer = json.loads(told(capsys, arguments).out)
    assert answer == json.loads(out.read_text())
    assert answer["provenance"]["rollout_ns_per_s"] > answer["provenance"]["md_ns_per_s"] > 0
    assert "<html" in report.read_text()


def test_the_lag_is_chosen_where_asked_for_and_the_table_takes_what_compare_wrote(rollout, dipeptide, capsys, tmp_path):
    for name, lag in (("one", "auto"), ("two", "10")):
        out = tmp_path / name / "comparison.json"
        arguments = ["compare", dipeptide / "rep1.xtc", "--reference", dipeptide / "rep2.xtc", "--lag-ps", lag]
        told(capsys, [*arguments, "--clusters", 20, "--out", out])
    assert "timescale of MD" in json.loads((tmp_path / "one/comparison.json").read_text())["settings"]["lag_reason"]
    files = [tmp_path / name / "comparison.json" for name in ("one", "two")]
    answer = json.loads(told(capsys, ["table", *files, "--report", tmp_path / "table.html", "--json"]).out)
    assert answer["systems"] == ["one", "two"]
    assert "<table" in (tmp_path / "table.html").read_text()
    assert "one" in error_line(capsys, ["table", files[0], files[0]])
    assert "--lag-ps soon" in error_line(capsys, [*map(str, arguments), "--lag-ps", "soon"])


def test_the_numbers_are_written_where_the_report_cannot_be(dipeptide, tmp_path):
    names = [tmp_path / "c.json", tmp_path / "c.html"]
    line = ["compare", dipeptide / "rep1.xtc", "--reference", dipeptide / "rep2.xtc", "--lag-ps", 10, "--clusters", 10]
    line += ["--out", names[0], "--report", names[1]]
    assert run([*map(str, line)]) == 0
    content, sizes = names[0].read_bytes(), [name.stat().st_size for name in names]
    assert sizes[0] < sizes[1]
    for path in tmp_path.iterdir():
        path.unlink()
    # The disk ends before the report does.
    limit = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); n = {sum(sizes) // 2}"
    limit += "; resource.setrlimit(resource.RLIMIT_FSIZE, (n, resource.RLIM_INFINITY))"
    code = f"{limit}; from lamslide_md.cli.app import run; raise SystemExit(run({[*map(str, line)]}))"
    full = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert f"error: cannot write {names[1]}: " in full.stderr
    assert "Traceback" not in full.stderr
    assert full.stdout
    assert json.loads(names[0].read_bytes())["measures"] == json.loads(content)["measures"]
    assert not names[1].exists()
    assert run([*map(str, line)]) == 0
    assert names[1].stat().st_size > sizes[0]


def test_what_is_written_as_nc_brings_no_advice_of_libraries(model, tmp_path, capsys):
    out = tmp_path / "a.nc"
    assert run(["rollout", str(model), "--frames", "3", "--chains", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().err
    assert "netCDF4" not in printed
    assert "warning" not in printed
    assert lam.read(out, out.with_suffix(".pdb"))[0].n_frames == 3


def test_md_compared_with_itself_is_at_zero(dipeptide, capsys):
    arguments = ["compare", dipeptide / "rep1.xtc", "--reference", dipeptide / "rep1.xtc"]
    answer = json.loads(told(capsys, [*arguments, "--replicate", dipeptide / "rep2.xtc", "--lag-ps", 10, "--json"]).out)
    distances = [m for m in answer["measures"] if m["kind"]["key"].startswith("js_distance_torsions")]
    assert all(m["rollout"] in (0, None) for m in distances)
    assert any(m["floor"] for m in distances)


def test_intervals_of_files_without_times_are_options_and_the_replicate_has_its_own(dipeptide, tmp_path, capsys):
    top = dipeptide / "system.pdb"
    for i in (1, 2):
        md.load(dipeptide / f"rep{i}.xtc", top=top).save_dcd(str(tmp_path / f"rep{i}.dcd"))
    files = ["compare", tmp_path / "rep1.dcd", "--reference", tmp_path / "rep2.dcd", "--top", top, "--lag-ps", 20]
    both = [*files, "--rollout-interval-ps", 2, "--reference-interval-ps", 1, "--json"]
    answer = json.loads(told(capsys, [*both, "--replicate", tmp_path / "rep1.dcd"]).out)
    sides = answer["settings"]["sides"]
    assert [sides[side]["interval_ps"] for side in ("rollout", "reference")] == [2.0, 1.0]
    assert any("are in both the replicate and the rollout" in note for note in answer["notes"])
    # Without times as far apart as the MD, every second frame for the kinetics; with its own as told.
    assert sides["kinetic_floor"]["interval_ps"] == 2.0
    own = ["--replicate", tmp_path / "rep1.dcd", "--replicate-interval-ps", 4]
    answer = json.loads(told(capsys, [*both, *own]).out)
    assert answer["settings"]["sides"]["kinetic_floor"]["interval_ps"] == 4.0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "RUN/rep1.xtc", "--preset", "quik", "--out", "OUT/a.lamslide"], "unknown preset 'quik'"),
        (["train", "RUN/absent.xtc", "--out", "OUT/a.lamslide"], "absent.xtc is not there"),
        (["train", "RUN/rep1.xtc", "--top", "PDB", "--out", "OUT/a.lamslide"], "20 atoms"),
        (["rollout", "RUN/rep1.xtc", "--out", "OUT/a.xtc"], "no .lamslide model file"),
        (["rollout", "MODEL", "--out", "OUT/a.xtc", "--solver", "eler"], "--solver eler is unknown"),
        (["rollout", "MODEL", "--out", "OUT/a.xtc", "--frames", "0"], "--frames"),
        (["rollout", "MODEL", "--out", "OUT/a.xyzzy", "--frames", "1"], "a.xyzzy"),
        (["rollout", "MODEL", "--out", "OUT/a.xtc", "--start", "RUN/absent.pdb"], "absent.pdb is not there"),
        (["compare", "RUN/rep1.xtc", "--reference", "RUN/rep2.xtc", "--lag-ps", "1000"], "lag"),
        (["compare", "RUN/rep1.xtc", "--reference", "RUN/rep2.xtc", "--lag-ps", "10", "--out", "OUT"], "is a folder"),
        (["simulate", "AXG", "--out", "OUT/sim"], "X"),
        (["simulate", "absent.pdb", "--out", "OUT/sim"], "absent.pdb"),
        (["info", "RUN/system.pdb"], "no manifest"),
        (["info", "--jsn"], "--jsn"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(arguments, complaint, model, dipeptide, tmp_path, capsys):
    (tmp_path / "other.pdb").write_text("")
    replaced = {"RUN": str(dipeptide), "OUT": str(tmp_path), "MODEL": str(model), "PDB": str(tmp_path / "other.pdb")}
    if "PDB" in arguments:
        md.load(dipeptide / "system.pdb").atom_slice(range(19)).save_pdb(str(tmp_path / "other.pdb"))
    for short, path in replaced.items():
        arguments = [argument.replace(short, path) for argument in arguments]
    assert complaint in error_line(capsys, arguments)
