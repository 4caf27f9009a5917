"""JSON, TOML and YAML of any kind, in every place where the package reads them."""

import json

import pytest

from lamslide_md.analysis.table import tabulate
from lamslide_md.cli.app import run
from lamslide_md.cli.options import _parse
from lamslide_md.cli.settings_changes import changed_settings
from lamslide_md.errors import InputError
from lamslide_md.io import structured_texts
from lamslide_md.io.checked_values import checked
from lamslide_md.io.cluster import RunFile
from lamslide_md.io.manifests import KIND, find_manifest
from lamslide_md.io.records import files_in, read_json, writer_of
from lamslide_md.io.structured_texts import parse_structured, read_structured

DEEP = 100_000
BAD = [
    ("deep.json", b'{"rollout": ' + b"[" * DEEP, "nested more than"),
    ("deep.json", b'{"rollout": {"out": ' + b"[" * 60 + b"]" * 60 + b"}}", "nested more than"),
    ("deep.toml", b"rollout.out = " + b"[" * DEEP + b"]" * DEEP, "nested more than"),
    ("deep.toml", b"rollout" + b".a" * 60 + b" = 1", "nested more than"),
    ("deep.yaml", b"rollout: " + b"[" * 1500 + b"]" * 1500, "nested more than"),
    ("huge.json", b'{"rollout": {"frames": ' + b"9" * 5000 + b"}}", "more than 40 digits"),
    ("huge.json", b'{"rollout": {"frames": ' + b"9" * 41 + b"}}", "more than 40 digits"),
    ("huge.toml", b"rollout.frames = " + b"9" * 5000, "more than 40 digits"),
    ("huge.toml", b"rollout.frames = 0x" + b"f" * 5000, "more than 40 digits"),
    ("huge.yaml", b"rollout: {frames: 0x" + b"f" * 5000 + b"}", "more than 40 digits"),
    ("huge.yaml", b"rollout: {? 0x" + b"f" * 900 + b" : 1}", "the key .* is no text"),
    ("latin.json", '{"rollout": {"out": "é.xtc"}}'.encode("latin-1"), "is not UTF-8"),
    ("latin.toml", 'rollout.out = "é.xtc"'.encode("latin-1"), "is not UTF-8"),
    ("latin.yaml", "rollout: {out: é.xtc}".encode("latin-1"), "is not UTF-8"),
    ("cut.json", '{"a": 1}'.encode("utf-16")[:-1], "is not UTF-16"),
    ("twice.json", b'{"rollout": {"frames": 1, "frames": 2}}', "'frames' is there twice"),
    ("twice.yaml", b"rollout: {frames: 1, frames: 2}", "'frames' is there twice"),
    ("nan.json", b'{"rollout": {"frames": NaN}}', "nan is no finite number"),
    ("inf.json", b'{"rollout": {"frames": 1e400}}', "inf is no finite number"),
    ("inf.toml", b"rollout.frames = inf", "inf is no finite number"),
    ("inf.yaml", b"rollout: {frames: -.inf}", "-inf is no finite number"),
    ("date.toml", b"rollout.out = 2024-01-01", "is a date; put it in quotes"),
    ("date.yaml", b"rollout: {out: 2024-01-01}", "is a date; put it in quotes"),
    ("date.yaml", b"rollout: {out: 2024-13-41}", "cannot be read"),
    ("number.yaml", b"rollout: {1: 2}", "the key 1 is no text"),
    ("tag.yaml", b"rollout: !!python/object/apply:os.getcwd []", "cannot be read"),
    ("self.yaml", b"rollout: &a [*a]", "(nested more than|hold one another)"),
    ("merge.yaml", b"a: &a {x: 1}\nrollout: {<<: *a}", "<< merges sections"),
    ("bool.yaml", b"rollout: {seed: !!bool 'x'}", "not of the kind that its !!tag says"),
    ("time.yaml", b"rollout: {seed: !!timestamp 'x'}", "not of the kind that its !!tag says"),
    ("int.yaml", b"rollout: {seed: !!int ''}", "not of the kind that its !!tag says"),
    ("float.yaml", b"rollout: {seed: !!float ''}", "not of the kind that its !!tag says"),
    ("set.yaml", b"rollout: !!set [x]", "not of the kind that its !!tag says"),
    ("map.yaml", b"rollout: !!map [x]", "not of the kind that its !!tag says"),
    ("nul.toml", b"rollout.out = \x00", "cannot be read"),
    ("empty.json", b"", "cannot be read"),
    ("long.json", b" " * 1_000_001, "more than 1,000,000 bytes"),
]


@pytest.mark.parametrize(("name", "content", "complaint"), BAD, ids=[f"{i}-{name}" for i, (name, *_) in enumerate(BAD)])
def test_a_configuration_that_cannot_be_is_refused_in_one_line(tmp_path, capsys, name, content, complaint):
    path = tmp_path / name
    path.write_bytes(content)
    assert run(["rollout", "a.lamslide", "--out", str(tmp_path / "a.xtc"), "--config", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {path}")
    assert told.count("\n") == 1
    assert len(told) < 500
    with pytest.raises(InputError, match=complaint):
        _parse(path)


def test_parts_that_hold_one_another_do_not_explode(tmp_path):
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (tmp_path / "a.yaml").write_text("\n".join(["a0: &a0 [x, x]", *levels]))
    with pytest.raises(InputError, match="its parts hold one another"):
        read_structured(tmp_path / "a.yaml", "YAML")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"rollout": {"frames": 7, "out": "é.xtc"}}'),
        ("a.TOML", '[rollout]\nframes = 7\nout = "é.xtc"'),
        ("a.YML", "rollout:\n  frames: 7\n  out: é.xtc"),
    ],
)
def test_a_byte_order_mark_is_read_over_and_endings_count_in_any_case(tmp_path, name, text, encoding):
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert _parse(tmp_path / name) == {"rollout": {"frames": 7, "out": "é.xtc"}}


def test_numbers_are_kept_as_they_are():
    state = 2**128 - 1
    assert parse_structured(f'{{"a": {state}, "b": -0.5, "c": [true, null]}}', "JSON", "a") == {
        "a": state,
        "b": -0.5,
        "c": [True, None],
    }
    assert parse_structured("[NaN]", "JSON", "a", finite=False)[0] != 0


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b'"' + b"x" * 100 + b'"')
    assert read_structured(tmp_path / "a.json", most_bytes=102) == "x" * 100
    with pytest.raises(InputError, match="more than 101 bytes"):
        read_structured(tmp_path / "a.json", most_bytes=101)
    with pytest.raises(InputError, match=r"b\.json is not there"):
        read_structured(tmp_path / "b.json")
    with pytest.raises(InputError, match="is a folder"):
        read_structured(tmp_path)


def manifest(**changes):
    content = {"kind": KIND, "format_version": 1, "frame_interval_ps": 2.0, "n_atoms": 5, "n_frames": 3}
    return {key: value for key, value in (content | changes).items() if value != "left out"}


WRONG = [
    {"frame_interval_ps": "long"},
    {"frame_interval_ps": -1.0},
    {"frame_interval_ps": 0},
    {"frame_interval_ps": 1e300},
    {"frame_interval_ps": float("nan")},
    {"frame_interval_ps": "left out"},
    {"temperature_K": -300.0},
    {"temperature_K": [300.0]},
    {"n_atoms": 10**30},
    {"n_atoms": 0},
    {"n_frames": -1},
    {"n_frames": 10**39},
    {"n_chains": 0},
    {"n_chains": {}},
    {"trajectory": 5},
    {"trajectory": "../a.xtc"},
    {"topology": "/etc/passwd"},
    {"topology": "a\0.pdb"},
    {"topology": ""},
    {"written_by": []},
    {"written_by": {"command": "rollout", "files": {"../a": None}}},
    {"written_by": {"command": "rollout", "files": {"a": 5}}},
    {"wall_time_s": [1.0]},
    {"wall_time_s": "1"},
    {"wall_time_s": -1.0},
    {"n_bytes": "many"},
    {"rollout": "quick"},
    {"rollout": None},
    {"settings": None},
    {"fingerprint": 5},
    {"n_frames_per_chain": 10**30},
]


@pytest.mark.parametrize("changes", WRONG, ids=[f"{i}-{next(iter(changes))}" for i, changes in enumerate(WRONG)])
def test_a_manifest_with_a_wrong_entry_is_refused_by_its_name(tmp_path, capsys, changes):
    (tmp_path / "a.xtc").write_bytes(b"")
    (tmp_path / "a.json").write_text(json.dumps(manifest(**changes)))
    name = next(iter(changes))
    with pytest.raises(
        InputError, match=rf"a\.json is a damaged manifest \(fields .*{name}.*write it again, or delete"
    ):
        find_manifest(tmp_path / "a.xtc")
    assert run(["info", str(tmp_path / "a.xtc")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_manifest_that_was_cut_is_refused_and_another_file_of_the_name_is_none(tmp_path):
    text = json.dumps(manifest())
    (tmp_path / "a.json").write_text(text[:-20])
    with pytest.raises(InputError, match=r"a\.json cannot be read: .*is it complete, and JSON"):
        find_manifest(tmp_path / "a.xtc")
    (tmp_path / "a.json").write_text(text.replace('"n_atoms": 5', '"n_atoms": 5, "n_atoms": 6'))
    with pytest.raises(InputError, match="'n_atoms' is there twice"):
        find_manifest(tmp_path / "a.xtc")
    for other in (b"[" * DEEP, b"\xff\xfe\xff", b'{"kind": "of someone else"'):
        (tmp_path / "a.json").write_bytes(other)
        assert find_manifest(tmp_path / "a.xtc") is None


def test_a_manifest_with_a_byte_order_mark_is_one(tmp_path):
    (tmp_path / "a.json").write_bytes(json.dumps(manifest()).encode("utf-8-sig"))
    found = find_manifest(tmp_path / "a.xtc")
    assert (found.frame_interval_ps, found.n_frames) == (2.0, 3)


def comparison(**changes):
    kind = {"key": "js", "label": "Jensen-Shannon distance", "unit": ""}
    row = {"kind": kind, "rollout": 0.2, "floor": 0.1, "ratio": 2.0, "note": None}
    return {"format_version": 1, "measures": [{**row, "kind": kind | changes.pop("kind", {}), **changes}]}


TABLES = [
    ({"format_version": 1, "measures": "none"}, "fields measures"),
    ({"format_version": 1}, "fields measures"),
    ({"format_version": 1, "measures": [5]}, r"fields measures\.0"),
    ({"format_version": 1, "measures": [{}]}, r"fields measures\.0\.kind"),
    ({"format_version": True, "measures": []}, "has format version True"),
    ({"format_version": [[1]], "measures": []}, r"has format version \[\[1\]\]"),
    (comparison(note=5), r"fields measures\.0\.note"),
    (comparison(rollout="0.2"), r"fields measures\.0\.rollout"),
    (comparison(rollout=1e300), r"fields measures\.0\.rollout"),
    (comparison(floor=[]), r"fields measures\.0\.floor"),
    (comparison(kind={"key": None}), r"fields measures\.0\.kind\.key"),
    (comparison(kind={"label": 3}), r"fields measures\.0\.kind\.label"),
    (comparison(kind={"unit": {}}), r"fields measures\.0\.kind\.unit"),
    ({"format_version": 1, "measures": comparison()["measures"] * 2}, "has a measure twice"),
]


@pytest.mark.parametrize(("content", "complaint"), TABLES)
def test_a_table_of_what_is_no_comparison_is_refused_with_the_entry(tmp_path, capsys, content, complaint):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=complaint):
        tabulate({"a": tmp_path / "a.json"})
    with pytest.raises(InputError, match=complaint):
        tabulate({"a": content})
    assert run(["table", str(tmp_path / "a.json")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: a: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    "content", [b"[" * DEEP, b"9" * 5000, b"\xe9", b"", b'{"format_version": 1, "measures": [NaN]}']
)
def test_a_table_of_no_json_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a: .*a\.json is no readable comparison: .*cannot be read"):
        tabulate({"a": tmp_path / "a.json"})


def test_a_comparison_is_tabulated_with_and_without_a_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(json.dumps(comparison() | {"more": [1, 2]}).encode("utf-8-sig"))
    assert tabulate({"a": tmp_path / "a.json"}).column("js").rollout_mean == 0.2


@pytest.mark.parametrize(
    "content",
    [
        b"[" * DEEP,
        b'{"a": ' * DEEP,
        b'{"written_by": {"command": "rollout", "files": {"../a.xtc": null}}}',
        b'{"written_by": {"command": "rollout", "files": {"/": null}}}',
        b'{"written_by": {"command": "rollout", "files": {"a.xtc": [5]}}}',
        b'{"written_by": {"command": ["rollout"], "files": {"a.xtc": null}}}',
        b'{"written_by": {"command": {}, "digest": "x"}, "train": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{",
    ],
)
def test_records_that_are_damaged_name_no_file(tmp_path, content):
    (tmp_path / "a.xtc").write_bytes(b"frames")
    (tmp_path / "other.json").write_bytes(content)
    assert writer_of(tmp_path / "a.xtc") is None
    assert files_in(read_json(tmp_path / "other.json")) == {}
    assert writer_of(tmp_path / "other.json") in (None, "rollout")


@pytest.mark.parametrize(
    "content",
    [
        {"jobs": "many", "run": "a", "wall_time_s": 1.0},
        {"jobs": 10**12, "run": "a", "wall_time_s": 1.0},
        {"jobs": 0, "run": "a", "wall_time_s": 1.0},
        {"jobs": 2, "run": 5, "wall_time_s": 1.0},
        {"jobs": 2, "run": "a", "wall_time_s": [1.0]},
        {"jobs": 2, "run": "a"},
    ],
)
def test_the_file_of_jobs_is_checked(content):
    with pytest.raises(InputError, match=r"jobs\.json is damaged \(fields .*; begin anew"):
        checked(RunFile, content, "jobs.json is damaged", "begin anew")


@pytest.mark.parametrize("value", ["[" * DEEP, "9" * 5000, "[[7", "NaN", '{"a": 1, "a": 2}'])
def test_a_setting_that_is_no_value_is_taken_for_a_text(value):
    assert changed_settings("quick", [f"atoms={value}"]).atoms == value
    with pytest.raises(InputError, match=r"--set flow\.n_frames=.*integer") as refused:
        changed_settings("quick", [f"flow.n_frames={value}"])
    assert len(str(refused.value)) < 300


def test_values_in_messages_are_short():
    assert len(structured_texts.shortened(["x" * 1000] * 1000)) < 500
