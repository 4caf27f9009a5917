import warnings

import pytest

from lamslide_md.errors import InputError, InputNote, collected_notes, note, option, options_called


def test_a_parameter_is_named_as_the_command_line_names_it_only_within_the_command():
    with (
        pytest.raises(InputError, match=r"pass --data-interval-ps or$"),
        options_called({"frame_interval_ps": "--data-interval-ps", "check_bonds=False": ""}),
    ):
        raise InputError(f"pass {option('frame_interval_ps')} or {option('check_bonds=False')}".strip())
    assert option("frame_interval_ps") == "frame_interval_ps"


def test_the_inner_names_win_and_the_outer_ones_come_back():
    with options_called({"recover=True": "--recover", "stride": "--stride"}):
        with options_called({"stride": "--every"}):
            assert (option("stride"), option("recover=True")) == ("--every", "--recover")
        assert option("stride") == "--stride"


@pytest.mark.filterwarnings("ignore:of a library")
def test_notes_are_collected_each_time_and_still_shown():
    with pytest.warns(InputNote, match=r"mol\.pdb: 3 bonds were added"):
        notes = twice()
    assert notes == ["mol.pdb: 3 bonds were added"] * 2


def twice() -> list[str]:
    with collected_notes() as notes:
        for _ in range(2):
            note("mol.pdb: 3 bonds were added")
        warnings.warn("of a library", UserWarning, stacklevel=1)
    return notes
