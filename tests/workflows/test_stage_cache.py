import json

import pytest
from stage_cache import StageCache

from lamslide_md.errors import InputError


class Copying:
    """Two stages, the second reading what the first writes; counts how often each was done."""

    def __init__(self, folder):
        self.folder, self.done = folder, []
        self.stages = StageCache(folder / "phases.json")

    def run(self, text="a", suffix="!", broken=False):
        first, second = self.folder / "first", self.folder / "second"

        def write():
            self.done.append("write")
            first.write_text(text)
            return {"length": len(text)}

        def copy():
            self.done.append("copy")
            if broken:
                raise KeyboardInterrupt
            second.write_text(first.read_text() + suffix)
            return {}

        self.stages.run("write", write, settings={"text": text}, outputs=[first])
        self.stages.run("copy", copy, settings={"suffix": suffix}, inputs=[first], outputs=[second])


def test_a_phase_that_is_done_is_not_done_again_even_by_another_process(tmp_path):
    Copying(tmp_path).run()
    again = Copying(tmp_path)
    again.run()
    assert again.done == []
    assert again.stages["write"].facts == {"length": 1}


@pytest.mark.parametrize(
    ("change", "redone"), [({"suffix": "?"}, ["copy"]), ({"text": "b"}, ["write", "copy"]), ({}, [])]
)
def test_a_changed_setting_redoes_what_depends_on_it_and_nothing_else(tmp_path, change, redone):
    Copying(tmp_path).run()
    again = Copying(tmp_path)
    again.run(**change)
    assert again.done == redone
    assert (tmp_path / "second").read_text() == change.get("text", "a") + change.get("suffix", "!")


@pytest.mark.parametrize(("file", "redone"), [("first", ["write"]), ("second", ["copy"])])
def test_an_output_that_was_deleted_or_edited_is_made_again(tmp_path, file, redone):
    for spoil in ((tmp_path / file).unlink, lambda: (tmp_path / file).write_text("edited")):
        Copying(tmp_path).run()
        spoil()
        again = Copying(tmp_path)
        again.run()
        # Made anew, the first file has the content the second was made from.
        assert again.done == redone


def test_an_interrupted_phase_is_done_again_with_its_files_left_alone(tmp_path):
    (tmp_path / "second").write_text("half")
    with pytest.raises(KeyboardInterrupt):
        Copying(tmp_path).run(broken=True)
    assert (tmp_path / "second").read_text() == "half"
    again = Copying(tmp_path)
    again.run()
    assert again.done == ["copy"]


def test_a_phase_begun_with_other_settings_starts_without_its_old_files(tmp_path):
    stages = StageCache(tmp_path / "phases.json")
    out, leftover = tmp_path / "out", tmp_path / "out.checkpoint"

    def work():
        assert not out.exists()
        assert not leftover.exists()
        out.write_text("x")
        leftover.write_text("x")
        return {}

    for setting in (1, 2):
        stages.run("only", work, settings={"setting": setting}, outputs=[out], leftovers=[leftover])


def test_a_missing_input_or_output_and_a_damaged_cache_are_named(tmp_path):
    stages = StageCache(tmp_path / "phases.json")
    with pytest.raises(InputError, match=r"absent\.xtc is missing"):
        stages.run("only", dict, settings={}, inputs=[tmp_path / "absent.xtc"])
    with pytest.raises(InputError, match=r"'only' ended without out"):
        stages.run("only", dict, settings={}, outputs=[tmp_path / "out"])
    assert json.loads((tmp_path / "phases.json").read_text())["phases"]["only"]["wall_time_s"] is None
    (tmp_path / "phases.json").write_text("{")
    with pytest.raises(InputError, match=r"phases\.json is damaged"):
        StageCache(tmp_path / "phases.json")
