"""What the commands do with files as people have them, and that they say so in their own words."""

import numpy as np
import pytest

from lamslide_md.cli.app import run
from lamslide_md.surrogate import Surrogate
from tests.conftest import SMALL
from tests.data.molecules import heavy_peptide, in_box, ion, moving, one_frame, side_by_side, water

QUICK = [*SMALL, "--set", "autoencoder.optimisation.n_steps=4", "--set", "flow.optimisation.n_steps=4"]


def saved(frames, folder, stem):
    frames.save(str(folder / f"{stem}.xtc"))
    frames[0].save_pdb(str(folder / f"{stem}.pdb"))
    return str(folder / f"{stem}.xtc")


@pytest.fixture
def wet(tmp_path):
    solute = heavy_peptide("AG", capped=True)
    frame, pool = side_by_side(solute, ion("NA")), water(30, 3.0)
    frame = one_frame(frame.topology.join(pool.topology), np.concatenate([frame.xyz[0], pool.xyz[0]]))
    return saved(in_box(moving(frame, n_frames=60), 3.0 * np.eye(3), how="molecules"), tmp_path, "wet")


@pytest.fixture
def dry(tmp_path):
    return saved(moving(heavy_peptide("AG", capped=True), n_frames=60), tmp_path, "dry")


def test_train_learns_the_solute_says_so_and_keeps_it_in_the_provenance(wet, tmp_path, capsys):
    out = tmp_path / "wet.lamslide"
    assert run(["train", wet, "--interval-ps", "1", *QUICK, "--out", str(out)]) == 0
    told = "solvent and ions are left out (30 HOH, 1 NA), the solute is read"
    assert told in capsys.readouterr().err
    model = Surrogate.load(out)
    assert model.systems[0].entities.n_points == heavy_peptide("AG", capped=True).n_atoms
    assert [told in note for note in model.provenance["notes"]] == [True]


def test_a_rollout_of_the_solute_is_compared_with_the_solvated_reference(wet, dry, capsys):
    assert run(["compare", dry, "--reference", wet, "--lag-ps", "2", "--clusters", "5", "--states", "2"]) == 0
    assert "solvent and ions are left out (30 HOH, 1 NA)" in capsys.readouterr().err


def test_solvent_is_learned_where_it_is_asked_for(wet, tmp_path, capsys):
    out = tmp_path / "water.lamslide"
    assert run(["train", wet, "--interval-ps", "1", *QUICK, "--set", "atoms=resid 5", "--out", str(out)]) == 0
    assert "left out" not in capsys.readouterr().err
    assert [atom.residue.name for atom in Surrogate.load(out).systems[0].topology.atoms] == ["HOH"] * 3


def test_the_data_interval_overrules_times_with_a_note(dry, tmp_path, capsys):
    out = tmp_path / "dry.lamslide"
    assert run(["train", dry, "--data-interval-ps", "10", *QUICK, "--out", str(out)]) == 0
    told = "by its own times the frames are 1 ps apart; 10 ps is taken, as --data-interval-ps says"
    assert told in capsys.readouterr().err
    assert Surrogate.load(out).frame_interval_ps == 10.0


def test_a_setting_that_switches_the_bond_check_off_is_heard_by_reading(tmp_path, capsys):
    frames = moving(heavy_peptide("AG", capped=True), n_frames=60)
    frames.xyz[30:, -1] += 0.3
    path, out = saved(frames, tmp_path, "torn"), str(tmp_path / "torn.lamslide")
    assert run(["train", path, "--interval-ps", "1", *QUICK, "--out", out]) == 2
    assert "(coarse-grained beads: --set check_bonds=false)" in capsys.readouterr().err
    assert run(["train", path, "--interval-ps", "1", *QUICK, "--set", "check_bonds=false", "--out", out]) == 0


def test_frames_that_are_all_equal_are_refused_in_one_line(tmp_path, capsys):
    frames = moving(heavy_peptide("AG"), n_frames=50)
    frames.xyz = np.repeat(frames.xyz[:1], 50, axis=0)
    path = saved(frames, tmp_path, "frozen")
    assert run(["train", path, "--interval-ps", "1", *QUICK, "--out", str(tmp_path / "frozen.lamslide")]) == 2
    assert run(["compare", path, "--reference", path]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert f"{path}: its 50 frames are all equal, nothing moves" in errors[0]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda frames: setattr(frames, "time", np.zeros(60)),
            "do not rise (first 0 ps, last 0 ps); pass --data-interval",
        ),
        (lambda frames: frames.time.__setitem__(slice(30, None), frames.time[30:] - 3), "frames 0 to 29, 30 to 59"),
    ],
)
def test_messages_name_the_options_of_the_command_line(tmp_path, capsys, spoil, told):
    frames = moving(heavy_peptide("AG"), n_frames=60)
    spoil(frames)
    out = str(tmp_path / "out.lamslide")
    assert run(["train", saved(frames, tmp_path, "run"), *QUICK, "--out", out]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert "frame_interval_ps" not in message


def test_a_truncated_file_and_a_missing_topology_name_the_options_of_the_command_line(dry, tmp_path, capsys):
    content = (tmp_path / "dry.xtc").read_bytes()
    (tmp_path / "dry.xtc").write_bytes(content[:-7])
    (tmp_path / "alone.xtc").write_bytes(content)
    out = ["--out", str(tmp_path / "out.lamslide")]
    assert run(["train", dry, *QUICK, *out]) == 2
    assert run(["train", str(tmp_path / "alone.xtc"), *QUICK, *out]) == 2
    message = capsys.readouterr().err
    assert "or pass --recover to use those 59 frames" in message
    assert "holds no atom names; pass --top, the .pdb" in message


def test_an_interval_that_contradicts_the_manifest_of_a_rollout_is_refused(model, dipeptide, tmp_path, capsys):
    out = str(tmp_path / "rollout.xtc")
    assert run(["rollout", str(model), "--frames", "12", "--out", out]) == 0
    reference = ["--reference", str(dipeptide / "rep1.xtc")]
    assert run(["compare", out, *reference, "--rollout-interval-ps", "7"]) == 2
    assert "--rollout-interval-ps 7 contradicts the manifest" in capsys.readouterr().err
    assert run(["compare", out, *reference, "--reference-interval-ps", "2"]) == 2
    assert "rep1.xtc, whose frames are 1 ps apart" in capsys.readouterr().err
