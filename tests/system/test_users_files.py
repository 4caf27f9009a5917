"""The user's files are never touched: what is there already, under every name that a command might write."""

import json
import os
import shutil
from dataclasses import replace

import mdtraj as md
import pytest

import lamslide_md as lam
from lamslide_md.cli.app import run
from lamslide_md.cli.sidecars import sidecar_topology
from lamslide_md.io.manifests import find_manifest
from tests.conftest import SMALL

FOREIGN = b"notes of years\n"
REFERENCE = ("--platform", "Reference")


@pytest.fixture(scope="module")
def made(model, dipeptide, tmp_path_factory):
    """One of every kind of file, made once: simulations, a model, a rollout, a comparison; and some of the user's."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(dipeptide, folder / "sim")
    shutil.copy(model, folder / "AG.lamslide")
    shutil.copy(dipeptide / "rep1.xtc", folder / "md.xtc")
    start = md.load(str(dipeptide / "rep2.xtc"), top=str(dipeptide / "system.pdb"))[7]
    start.save_pdb(str(folder / "md.pdb"))
    start.save_pdb(str(folder / "mol.pdb"))
    start.save_dcd(str(folder / "mol.dcd"))
    start.save_xtc(str(folder / "start.xtc"))
    start.save_pdb(str(folder / "start.pdb"))
    (folder / "own.json").write_text('{"train": {"seed": 3}}')
    os.symlink(folder / "md.xtc", folder / "link.lamslide")
    os.link(folder / "md.xtc", folder / "hard.lamslide")
    os.symlink(os.devnull, folder / "null.xtc")
    os.mkfifo(folder / "pipe.xtc")
    (folder / "folder.xtc").mkdir()
    (folder / "folder.rollout.json").write_bytes(FOREIGN)
    for name in ("notes.docx", "notes.xtc", "notes.html", "notes.json", "notes.txt", "r.rst7", "noending"):
        (folder / name).write_bytes(FOREIGN)
    arguments = ["rollout", folder / "AG.lamslide", "--frames", 40, "--chains", 3, "--out", folder / "r.xtc"]
    assert run([*map(str, arguments)]) == 0
    arguments = [
        "compare",
        folder / "r.xtc",
        "--reference",
        folder / "sim/rep1.xtc",
        "--top",
        folder / "sim/system.pdb",
    ]
    arguments += ["--lag-ps", 10, "--clusters", 20, "--out", folder / "one.json"]
    assert run([*map(str, arguments)]) == 0
    return folder


@pytest.fixture
def there(made, tmp_path):
    """A copy of them for each test, links and pipes included."""
    folder = tmp_path / "there"
    shutil.copytree(made, folder, symlinks=True, ignore=lambda _, names: {"pipe.xtc", "link.lamslide", "hard.lamslide"})
    os.mkfifo(folder / "pipe.xtc")
    os.symlink(folder / "md.xtc", folder / "link.lamslide")
    os.link(folder / "md.xtc", folder / "hard.lamslide")
    return folder


def contents(folder):
    """Bytes of all files; what a link leads to, and what is no file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path] = os.readlink(path)
        else:
            found[path] = path.read_bytes() if path.is_file() else path.stat().st_mode
    return found


ROLL = "rollout AG.lamslide --frames 8 --out "
TRAIN = "train md.xtc --top md.pdb --data-interval-ps 1 --interval-ps 5 "
COMPARE = "compare r.xtc --reference sim/rep1.xtc --top sim/system.pdb --lag-ps 10 --clusters 20 "
SIMULATE = "simulate AG --ns 0.002 --equilibration-ps 1 --replicates 1 "
ENDS = "interpolate AG.lamslide --start start.pdb --end start.pdb --frames 3 --out "


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (TRAIN + "--out md.xtc", "md.xtc is read by this command"),
        (TRAIN + "--out sim/../md.xtc", "which is md.xtc, is read by this command"),
        (TRAIN + "--out md.pdb", "md.pdb is read by this command"),
        (TRAIN + "--config own.json --out own.json", "own.json is read by this command"),
        (TRAIN + "--out link.lamslide", "which is md.xtc, is read by this command"),
        (TRAIN + "--out hard.lamslide", "which is md.xtc, is read by this command"),
        (TRAIN + "--out notes.txt", "notes.txt is there and is not of lamslide's making"),
        (TRAIN + "--out r.xtc", "r.xtc is there and is of lamslide rollout"),
        (TRAIN + "--out a.lamslide --checkpoints notes.txt", "notes.txt is a file"),
        (TRAIN + "--out m.docx", "m.docx: the file of a model ends in .lamslide; call it m.lamslide"),
        (TRAIN + "--out model", "model: the file of a model ends in .lamslide; call it model.lamslide"),
        (ROLL + "start.xtc --start start.xtc", "start.xtc is read by this command"),
        (ROLL + "start.pdb --start start.pdb", "start.pdb is read by this command"),
        (ROLL + "start.pdb --start start.pdb --overwrite", "start.pdb is read by this command"),
        (ROLL + "notes.docx", "docx files hold no rollout; use one of .xtc, .trr"),
        (ROLL + "notes.docx --overwrite", "docx files hold no rollout"),
        (ROLL + "AG.lamslide", "lamslide files hold no rollout"),
        (ROLL + "AG.lamslide --overwrite", "lamslide files hold no rollout"),
        (ROLL + "noending", "it has no ending; use one of .xtc, .trr"),
        (ROLL + "r.rst7", "rst7 files hold no rollout"),
        (ROLL + "r.ncrst", "ncrst files hold no rollout"),
        (ROLL + "r.lammpstrj", "lammpstrj files hold no rollout"),
        (ROLL + "notes.xtc", "notes.xtc is there and is not of lamslide's making"),
        (ROLL + "notes.xtc --continue", "notes.xtc is there and is not of lamslide's making"),
        (ROLL + "sim/rep1.xtc", "rep1.xtc is there and is of lamslide simulate"),
        (ROLL + "null.xtc", "null.xtc is no regular file"),
        (ROLL + "pipe.xtc", "pipe.xtc is no regular file"),
        (ROLL + "pipe.xtc --overwrite", "pipe.xtc is no regular file"),
        (ROLL + "/proc/x.xtc", "cannot write /proc/x.xtc"),
        (ROLL + "notes.txt/x.xtc", "cannot write notes.txt/x.xtc"),
        (ROLL + "folder.xtc", "folder.xtc is a folder"),
        (ENDS + "start.pdb", "start.pdb is read by this command"),
        (ENDS + "r.xtc", "r.xtc is there and is of lamslide rollout"),
        (ENDS + "r.ncrst", "ncrst files hold no rollout"),
        (COMPARE + "--out r.json", "r.json is read by this command"),
        (COMPARE + "--out r.json --overwrite", "r.json is read by this command"),
        (COMPARE + "--report r.pdb", "r.pdb is read by this command"),
        (COMPARE + "--out sim/rep1.xtc", "rep1.xtc is read by this command"),
        (COMPARE + "--out sim/rep2.json", "rep2.json is there and is of lamslide simulate"),
        (COMPARE + "--report notes.html", "notes.html is there and is not of lamslide's making"),
        (COMPARE + "--report new.html --out new.html", "--report and --out are the same file"),
        (COMPARE + "--report new.html --out sim/../new.html", "--report and --out are the same file"),
        ("table one.json --out one.json", "one.json is read by this command"),
        ("table one.json --out one.json --overwrite", "one.json is read by this command"),
        ("table one.json --report notes.html", "notes.html is there and is not of lamslide's making"),
        ("table one.json --report new.html --out new.html", "--report and --out are the same file"),
    ],
)
def test_what_may_not_be_written_is_refused_before_anything_is_touched(there, monkeypatch, capsys, line, complaint):
    monkeypatch.chdir(there)
    before = contents(there)
    capsys.readouterr()
    assert run(line.split() + (SMALL if line.startswith("train") else [])) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert complaint in told
    assert contents(there) == before
    assert os.path.exists(os.devnull)


@pytest.mark.parametrize("name", ["rep1.xtc", "rep1.json", "rep1.checkpoint", "system.pdb"])
def test_a_simulation_touches_nothing_of_a_folder_with_a_file_of_its_names(dipeptide, tmp_path, capsys, name):
    if name == "system.pdb":
        # The same atoms, elsewhere.
        moved = md.load(str(dipeptide / "system.pdb"))
        moved.xyz += 0.1
        moved.save_pdb(str(tmp_path / name))
    else:
        (tmp_path / name).write_bytes(FOREIGN)
    before = contents(tmp_path)
    assert run([*SIMULATE.split(), *REFERENCE, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert name in told
    assert contents(tmp_path) == before


def test_a_structure_in_the_folder_that_it_would_be_simulated_into_is_kept(dipeptide, tmp_path, capsys):
    structure = shutil.copy(dipeptide / "system.pdb", tmp_path)
    before = contents(tmp_path)
    arguments = ["simulate", structure, "--ns", "0.002", *REFERENCE, "--overwrite", "--out", str(tmp_path)]
    assert run(arguments) == 2
    assert "is read by this command" in capsys.readouterr().err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "line",
    [
        ROLL + "mol.xtc",
        ROLL + "mol.xtc --chains 2 --start mol.pdb",
        ROLL + "mol.xtc --start mol.dcd --top mol.pdb",
        ENDS.replace("start.pdb", "mol.pdb") + "mol.xtc",
    ],
)
def test_files_beside_a_rollout_leave_names_that_are_taken_to_the_user(there, monkeypatch, capsys, line):
    monkeypatch.chdir(there)
    command = line.split()[0]
    (there / "mol.json").write_bytes(FOREIGN)
    (there / f"mol.{command}.json").write_bytes(FOREIGN)
    (there / "mol.restart.npz").write_bytes(FOREIGN)
    (there / "mol.chain7.xtc").write_bytes(FOREIGN)
    before = contents(there)
    for _ in range(2):
        capsys.readouterr()
        assert run(line.split()) == 0
        told = capsys.readouterr().err
        assert "mol.pdb is not of this rollout and stays as it is" in told
        assert f"the topology of mol.xtc is mol.{command}.pdb" in told
        after = contents(there)
        assert {path: after[path] for path in before} == before
        new = {path.name for path in after.keys() - before.keys()}
        assert new == {"mol.xtc", f"mol.{command}.pdb", "mol.manifest.json", f"mol.{command}2.json"}
    # All that reads files beside a trajectory finds ours.
    assert find_manifest(there / "mol.xtc").topology == f"mol.{command}.pdb"
    topology = sidecar_topology(there / "mol.xtc")
    assert topology == there / f"mol.{command}.pdb"
    chains = lam.read("mol.xtc", topology, check_bonds=False)
    assert len(chains) == 2 if "--chains" in line else chains.n_frames == (5 if command == "interpolate" else 8)
    assert chains[0].n_atoms == 10
    assert run(["info", "mol.xtc"]) == 0
    assert "interpolate" in capsys.readouterr().out or command == "rollout"


def test_the_manifest_of_another_trajectory_of_the_same_stem_is_kept(there, monkeypatch, capsys):
    monkeypatch.chdir(there)
    before = contents(there)
    assert run([*ROLL.split(), "r.dcd", "--chains", "2"]) == 0
    after = contents(there)
    changed = {path.name for path in before if after[path] != before[path]}
    assert changed <= {"r.rollout.json"}
    assert (find_manifest(there / "r.xtc").n_chains, find_manifest(there / "r.dcd").n_chains) == (3, 2)


def test_an_interrupted_rollout_goes_on_under_the_names_it_was_given(there, monkeypatch):
    monkeypatch.chdir(there)
    line = "rollout AG.lamslide --frames 40 --chains 2 --out mol.xtc --continue"
    made = lam.Surrogate.load("AG.lamslide").rollout("reference", 40, n_chains=2)
    windows, before = made.windows, contents(there)

    def broken(place):
        for done, window in enumerate(windows(place)):
            if done == 2:
                raise KeyboardInterrupt
            yield window

    made = replace(made, windows=broken)
    with pytest.raises(KeyboardInterrupt):
        made.save("mol.xtc")
    assert find_manifest(there / "mol.xtc").n_frames is None
    assert run(line.split()) == 0
    whole = there / "mol.xtc"
    assert run(["rollout", "AG.lamslide", "--frames", "40", "--chains", "2", "--out", "whole.xtc"]) == 0
    assert whole.read_bytes() == (there / "whole.xtc").read_bytes()
    after = contents(there)
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize(
    "line",
    [ROLL + "again.xtc", ROLL + "again.pdb", ENDS + "again.xtc", COMPARE + "--report again.html --out again.json"],
)
def test_the_same_command_replaces_what_it_wrote_itself(there, monkeypatch, capsys, line):
    monkeypatch.chdir(there)
    assert run(line.split()) == 0
    first = {path for path in there.iterdir() if path.name.startswith("again")}
    capsys.readouterr()
    assert run([*line.split(), "--seed", "5"]) == 0
    assert "note: " not in capsys.readouterr().err.replace("the model was not trained", "")
    assert {path for path in there.iterdir() if path.name.startswith("again")} == first


def test_overwriting_is_possible_where_it_is_asked_for(there, monkeypatch):
    monkeypatch.chdir(there)
    assert run([*ROLL.split(), "notes.xtc", "--overwrite"]) == 0
    assert (there / "notes.json").read_bytes() == FOREIGN
    assert find_manifest(there / "notes.xtc").n_frames == 8
    assert run([*ROLL.split(), "sim/rep1.xtc", "--overwrite"]) == 0
    assert find_manifest(there / "sim/rep1.xtc").written_by.command == "rollout"
    assert run([*COMPARE.replace("rep1", "rep2").split(), "--report", "notes.html", "--overwrite"]) == 0
    assert "<html" in (there / "notes.html").read_text()
    (there / "notes.lamslide").write_bytes(FOREIGN)
    assert run([*TRAIN.split(), *SMALL, "--out", "notes.lamslide", "--overwrite"]) == 0
    assert lam.Surrogate.load("notes.lamslide").frame_interval_ps == 5.0


def test_a_file_changed_since_it_was_written_is_the_users(there, monkeypatch, capsys):
    monkeypatch.chdir(there)
    (there / "r.pdb").write_bytes(FOREIGN)
    echo = json.loads((there / "r.rollout.json").read_text())
    echo["rollout"]["frames"] = 12
    (there / "r.rollout.json").write_text(json.dumps(echo))
    edited = (there / "r.rollout.json").read_bytes()
    assert run([*ROLL.split(), "r.xtc"]) == 0
    assert "the topology of r.xtc is r.rollout.pdb" in capsys.readouterr().err
    assert (there / "r.pdb").read_bytes() == FOREIGN
    assert (there / "r.rollout.json").read_bytes() == edited
    (there / "r.xtc").write_bytes(FOREIGN)
    assert run([*ROLL.split(), "r.xtc"]) == 2
    assert "or was changed since" in capsys.readouterr().err
    assert (there / "r.xtc").read_bytes() == FOREIGN


def test_a_failure_leaves_the_earlier_rollout_whole(there, monkeypatch):
    monkeypatch.chdir(there)
    before = contents(there)
    made = lam.Surrogate.load("AG.lamslide").rollout("reference", 40)

    def fails(place):
        raise KeyboardInterrupt
        yield

    made = replace(made, windows=fails)
    with pytest.raises(KeyboardInterrupt):
        made.save("r.xtc")
    after = contents(there)
    assert {path: after[path] for path in before} == before
    chains = lam.read("r.xtc", sidecar_topology(there / "r.xtc"), check_bonds=False)
    assert [chain.n_frames for chain in chains] == [40, 40, 40]


def test_a_folder_of_checkpoints_loses_only_checkpoints(there, monkeypatch):
    monkeypatch.chdir(there)
    (there / "new.lamslide.checkpoints").mkdir()
    (there / "new.lamslide.checkpoints/own.txt").write_bytes(FOREIGN)
    assert run([*TRAIN.split(), *SMALL, "--out", "new.lamslide"]) == 0
    assert [path.name for path in (there / "new.lamslide.checkpoints").iterdir()] == ["own.txt"]
