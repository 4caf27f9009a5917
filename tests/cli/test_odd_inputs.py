"""What stands in the place of a file: pipes, which would be waited for without end, devices, folders, links."""

import os

import pytest

from lamslide_md.cli.app import run

IS = {
    "pipe": "is no regular file but a device, pipe or socket",
    "device": "is no regular file but a device, pipe or socket",
    "folder": "is a folder",
    "link": "is a link to what is not there",
    "nothing": "is not there",
}


@pytest.fixture
def odd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ending in (".pdb", ".xtc", ".lamslide", ".json", ".toml"):
        os.mkfifo(f"pipe{ending}")
        os.symlink(os.devnull, f"device{ending}")
        os.mkdir(f"folder{ending}")
        os.symlink("absent", f"link{ending}")


@pytest.mark.parametrize("kind", IS)
@pytest.mark.parametrize(
    "line",
    [
        "simulate KIND.pdb --out out",
        "simulate AG --config KIND.toml --out out",
        "train KIND.xtc --out m.lamslide",
        "rollout KIND.lamslide --out r.xtc",
        "rollout ala2 --start KIND.pdb --out r.xtc",
        "interpolate ala2 --start KIND.pdb --end KIND.pdb --out r.xtc",
        "compare KIND.xtc --reference KIND.xtc",
        "table KIND.json",
        "info KIND.xtc",
        "info KIND.lamslide",
    ],
)
def test_what_is_no_file_is_called_what_it_is(odd, capsys, line, kind):
    before = sorted(os.listdir())
    assert run(line.replace("KIND", kind).split()) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert IS[kind] in told
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link", "nothing"])
def test_a_topology_that_is_no_file_is_called_what_it_is(odd, capsys, kind):
    with open("a.xtc", "wb") as file:
        file.write(b"x")
    assert run(["train", "a.xtc", "--top", f"{kind}.pdb", "--out", "m.lamslide"]) == 2
    assert f"{kind}.pdb {IS[kind]}" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "./AG", "no/ALDA"])
def test_a_path_without_an_ending_is_no_sequence(odd, capsys, path):
    assert run(["simulate", path, "--out", "out"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"error: {os.path.normpath(path)} is n" in told


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "top.pdb is empty (0 bytes)"), (b"no atom\n", "top.pdb cannot be read as a topology (it holds no atoms)")],
)
def test_a_topology_without_atoms_is_called_that(odd, capsys, content, complaint):
    for name, held in (("a.xtc", b"x"), ("top.pdb", content)):
        with open(name, "wb") as file:
            file.write(held)
    assert run(["train", "a.xtc", "--top", "top.pdb", "--out", "m.lamslide"]) == 2
    assert f"error: {complaint}" in capsys.readouterr().err
