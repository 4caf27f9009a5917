"""Numbers and devices that cannot be, for every option of every command: told before any file is opened."""

import json
import re
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
import typer

from lamslide_md.analysis.compare.settings import ComparisonSettings
from lamslide_md.cli.app import EXAMPLES, app, run
from lamslide_md.errors import InputError
from lamslide_md.io.manifests import KIND, find_manifest
from lamslide_md.sampling.settings import Sampling, check_whole
from lamslide_md.simulate.platforms import parse_platform
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.surrogate import Surrogate
from lamslide_md.training.devices import check_accelerator
from lamslide_md.units import whole_frames

# Inputs are not there: whoever reads them first, or computes, says so instead of naming the option.
LINES = {
    "distil": ["absent.lamslide", "--out", "fast.lamslide"],
    "simulate": ["absent.pdb", "--out", "out"],
    "train": ["absent.xtc", "--out", "a.lamslide"],
    "rollout": ["absent.lamslide", "--out", "a.xtc"],
    "interpolate": ["absent.lamslide", "--start", "a.pdb", "--end", "b.pdb", "--out", "a.xtc"],
    "compare": ["absent.xtc", "--reference", "b.xtc"],
    "table": ["absent.json"],
    "models": [],
    "info": ["absent.xtc"],
}
VALUES = ["nan", "inf", "-inf", "-1", "0", "1e308", str(10**30), "1" + "0" * 400, "", "7 ps"]
NUMBERS_AS_TEXT = {("compare", "--lag-ps")}
LEGAL = {("--seed", "0"), ("--equilibration-ps", "0")}


def numeric_options():
    """Every option of every command that takes a number, by introspection."""
    commands = typer.main.get_command(app).commands
    for function in EXAMPLES:
        flags = {parameter.name: parameter.opts[0] for parameter in commands[function.__name__].params}
        for name, hint in get_type_hints(function, include_extras=True).items():
            kind, *details = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            numeric = {int, float} & {kind, *get_args(kind)}
            if details and (numeric or (function.__name__, flags[name]) in NUMBERS_AS_TEXT):
                yield function.__name__, flags[name]


OPTIONS = list(numeric_options())


def test_the_options_with_numbers_are_found():
    assert set(LINES) == {function.__name__ for function in EXAMPLES}
    assert len(OPTIONS) == 31
    assert {("simulate", "--ns"), ("train", "--temperature-K"), ("compare", "--lag-ps"), ("rollout", "--seed")} < {
        *OPTIONS
    }


@pytest.mark.parametrize(("command", "flag"), OPTIONS)
def test_an_impossible_number_is_refused_by_the_name_of_its_option(command, flag, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in VALUES:
        if (flag, value) in LEGAL:
            continue
        assert run([command, *LINES[command], f"{flag}={value}"]) == 2, value
        told = capsys.readouterr().err
        assert told.startswith("error: "), value
        assert told.count("\n") == 1, value
        assert re.search(rf"{flag}\b", told), (value, told)
        assert len(told) < 600, value
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("flag", "value"), sorted(LEGAL))
def test_zero_is_a_seed_and_no_equilibration(flag, value, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["simulate", *LINES["simulate"], f"{flag}={value}"]) == 2
    assert "absent.pdb is not there" in capsys.readouterr().err


def test_numbers_of_a_configuration_are_checked_like_those_of_flags(tmp_path, capsys):
    (tmp_path / "a.toml").write_text("[train]\ntemperature-K = -5\n")
    assert run(["train", *LINES["train"], "--config", str(tmp_path / "a.toml")]) == 2
    assert capsys.readouterr().err == "error: --temperature-K=-5 must be positive\n"


@pytest.mark.parametrize("command", ["train", "rollout", "interpolate"])
@pytest.mark.parametrize(
    ("accelerator", "why"),
    [("foo", "is no kind of device"), ("", "is no kind of device"), ("mps", "not on this machine")],
)
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    command, accelerator, why, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("absent.lamslide", "a.pdb", "b.pdb"):
        (tmp_path / name).write_bytes(b"no model")
    assert run([command, *LINES[command], "--accelerator", accelerator]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: --accelerator={accelerator} {why}; use one of auto, cpu") or (
        "use one of auto, cpu" in told and why in told
    )
    assert told.count("\n") == 1


def test_python_names_the_device_in_its_own_words():
    with pytest.raises(InputError, match=r"^accelerator=foo is no kind of device; use one of auto, cpu"):
        check_accelerator("foo")
    with pytest.raises(InputError, match=r"^accelerator=foo is no kind of device"):
        Surrogate.load("absent.lamslide", accelerator="foo")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 1e308])
@pytest.mark.parametrize("name", ["frame_interval_ps", "temperature_K"])
def test_a_training_from_python_is_refused_before_its_data_are_touched(name, value):
    with pytest.raises(InputError, match=rf"^{name}=.* must be "):
        Surrogate.fit([], **{name: value})


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_that_no_generator_takes_is_refused_everywhere(seed):
    with pytest.raises(InputError, match=r"^seed=.* must be at "):
        Surrogate.fit([], seed=seed)
    with pytest.raises(InputError, match=r"^seed=.* must be at "):
        Sampling(seed=seed)
    with pytest.raises(InputError, match=r"^seed=.* must be at "):
        ComparisonSettings(100.0, 10, 10, 10, seed, None)


@pytest.mark.parametrize("n", [0, -1, 10**30])
def test_impossible_counts_of_python_are_refused(n):
    with pytest.raises(InputError, match=r"^n_solver_steps=.* must be at "):
        Sampling(n_solver_steps=n)
    with pytest.raises(InputError, match=r"^n_clusters=.* must be at "):
        ComparisonSettings(100.0, n, 10, 10, 0, None)
    if n > 0:
        with pytest.raises(InputError, match=r"^n_frames must be at most"):
            check_whole(n_frames=n)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e308])
def test_impossible_times_and_temperatures_of_python_are_refused(value):
    with pytest.raises(InputError, match=r"^lag_ps=.* must be "):
        ComparisonSettings(value, 10, 10, 10, 0, None)
    with pytest.raises(InputError, match=r"^temperature_K=.* must be "):
        ComparisonSettings(100.0, 10, 10, 10, 0, value)
    for name in ("length_ps", "frame_interval_ps", "equilibration_ps", "temperature_K", "timestep_fs"):
        with pytest.raises(InputError, match=f"^{name}.* must be "):
            SimulationSettings(**{name: value})
    with pytest.raises(InputError, match="must both be positive and at most"):
        whole_frames(value, 1.0)
    with pytest.raises(InputError, match="more than 1e\\+12 frames"):
        whole_frames(1e15, 1e-3)


@pytest.mark.parametrize("threads", ["0", "-1", "²", "1e3", "99999999999", "9" * 5000])
def test_threads_that_no_machine_has_are_refused(threads):
    with pytest.raises(InputError, match="is no number of threads; use CPU:2"):
        parse_platform(f"CPU:{threads}")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('{"" = {}}', "--set ={}: there is no such setting"),
        ("{aaaa = {b = {}}}", "--set aaaa.b={}: there is no such setting"),
        ("{flow = {}}", "--set flow.optimisation: Field required"),
        ("{flow = {n_frames = {}}}", "--set flow.n_frames: Input should be a valid integer"),
    ],
)
def test_empty_sections_of_settings_are_refused_by_name(section, told, tmp_path, capsys):
    (tmp_path / "a.toml").write_text(f"[train]\nset = {section}\n")
    assert run(["train", *LINES["train"], "--config", str(tmp_path / "a.toml")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {told}")


@pytest.mark.parametrize("line", ["frames = true", "seed = false", "start = true", "out = false", "chains = [true]"])
def test_true_and_false_of_a_configuration_are_no_values(line, tmp_path, capsys):
    name, value = line.split(" = ")
    (tmp_path / "a.toml").write_text(f"[rollout]\n{line}\n")
    assert run(["rollout", *LINES["rollout"], "--config", str(tmp_path / "a.toml")]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {tmp_path / 'a.toml'}: --{name} is {value}; it takes a value other than true")


def test_switches_of_a_configuration_are_true_or_false(tmp_path, capsys):
    (tmp_path / "a.toml").write_text("[rollout]\nconstrain = false\noverwrite = true\nframes = 3\n")
    (tmp_path / "absent.lamslide").write_bytes(b"no model")
    line = ["rollout", str(tmp_path / "absent.lamslide"), "--out", str(tmp_path / "a.xtc")]
    assert run([*line, "--config", str(tmp_path / "a.toml")]) == 2
    assert "absent.lamslide is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["--ns", "1e-9"], "the length (--ns) 1e-06 ps is not a whole number"),
        (["--frame-interval-ps", "0.003"], "--frame-interval-ps (in time steps) 0.003 ps is not a whole number"),
        (["--equilibration-ps", "0.003"], "--equilibration-ps (in time steps) 0.003 ps is not a whole number"),
        (["--solvent", "ice"], "--solvent='ice' is unknown"),
    ],
)
def test_a_simulation_is_refused_in_the_words_of_its_options(line, told, tmp_path, capsys):
    more = ["--frame-interval-ps", "0.004", "--ns", "0.000012"] if "--equilibration-ps" in line else []
    assert run(["simulate", "ALDA", "--out", str(tmp_path / "out"), *more, *line]) == 2
    assert capsys.readouterr().err.startswith(f"error: {told}")


def test_a_missing_end_is_told_by_its_own_option(model, dipeptide, tmp_path, capsys):
    structure = str(dipeptide / "system.pdb")
    line = ["interpolate", str(model), "--out", str(tmp_path / "a.xtc")]
    assert run([*line, "--start", structure, "--end", str(tmp_path / "no.pdb")]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("no.pdb is not there; --end takes a file")
    assert run([*line, "--start", str(tmp_path / "no.pdb"), "--end", structure]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("no.pdb is not there; --start takes a file")


# PDBFixer leaves a file open that it cannot read.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["a.json", "a.xtc"])
def test_what_is_no_structure_is_not_told_by_what_its_parser_tripped_over(name, tmp_path, capsys):
    (tmp_path / name).write_bytes(b'{"a": 1}' if name == "a.json" else b"\x00\x00\x07\xcb\xff\xfe")
    assert run(["simulate", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert f"{name} is no PDB or mmCIF file that can be read; give such a file" in told
    assert "codec" not in told
    assert "index" not in told


def test_a_long_sequence_is_not_repeated_whole(tmp_path, capsys):
    assert run(["simulate", "A" * 5000, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "has 5000 residues; a peptide has 1 to 10" in told
    assert len(told) < 200


def test_a_damaged_manifest_names_only_options_that_the_command_has(tmp_path, capsys):
    (tmp_path / "a.xtc").write_bytes(b"")
    content = {"kind": KIND, "format_version": 1, "trajectory": "a.xtc", "n_frames": "x"}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert run(["info", str(tmp_path / "a.xtc")]) == 2
    assert capsys.readouterr().err.endswith("write it again, or delete it\n")
    with pytest.raises(InputError, match=r"or delete it and pass frame_interval_ps$"):
        find_manifest(tmp_path / "a.xtc")
